"""Our own host-key policy: what is known, who is asked, and what is remembered."""

import asyncio
import os
import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fleettui.access import HostKeyAsker, HostKeyQuestion, HostUnreachable
from fleettui.hosts.known_hosts import (
    HostLines,
    Judgement,
    KnownKey,
    Marker,
    Standing,
    fingerprints,
    host_names,
    key_kind,
    lines_about,
    parse_known_hosts,
)
from fleettui.model.hop import Hop
from fleettui.model.untrusted import Untrusted

_STORABLE = re.compile(r"[A-Za-z0-9._:%-]+")
_SESSION = "what you accepted in this session"


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key that a host showed, and what is thought of it."""

    host: str
    port: int
    blob: bytes
    judgement: Judgement
    is_authority: bool = False
    """Whether this is the key that signed the host's certificate."""

    @property
    def kind(self) -> str:
        """Such as `ssh-ed25519`; a question mark for a key that cannot be read."""
        return key_kind(self.blob) or "?"

    def refusal(self) -> str:
        """Why nobody connects to a host that shows this key."""
        where = self.judgement.line.place if self.judgement.line else "known_hosts"
        sha256, _ = fingerprints(self.blob)
        shown = f"{self.kind} {sha256}"
        match self.judgement.standing:
            case Standing.REVOKED:
                return f"the host key of {self.host} ({shown}) is marked as revoked in {where}"
            case Standing.CHANGED if self.is_authority:
                return (
                    f"the host certificate of {self.host} is signed by {shown}, which is not the "
                    f"authority of {where}"
                )
            case Standing.CHANGED:
                return (
                    f"the host key of {self.host} has CHANGED: it shows {shown}, {where} says "
                    "otherwise. Somebody may be listening in; if the machine was set up anew, "
                    "remove that line"
                )
            case _:
                return f"the host key of {self.host} ({shown}) is unknown and was not accepted"


class HostKeys:
    """Judges host keys by the known_hosts files, which are read again for every connection."""

    def __init__(
        self,
        files: Sequence[Path],
        own_file: Path,
        one_question: asyncio.Lock,
        *,
        remember: bool,
        strict: bool = True,
    ) -> None:
        """Without `strict`, unknown keys are accepted unasked; changed ones never are."""
        self._files = files
        self._own_file = own_file
        self._remember = remember
        self._strict = strict
        self._accepted: list[KnownKey] = []
        self._declined: set[tuple[str, int, bytes]] = set()
        self._parsed: dict[Path, tuple[bytes, tuple[KnownKey, ...]]] = {}
        self._asker: HostKeyAsker | None = None
        self._one_question = one_question

    def ask_with(self, asker: HostKeyAsker) -> None:
        """Take questions to `asker` from now on; until then, unknown keys are declined."""
        self._asker = asker

    def known(self, host: str, port: int) -> HostLines:
        """All that is known of a host. Raises HostUnreachable where a file cannot be read."""
        return lines_about(host, port, [*self._accepted, *self._stored()])

    async def settle(self, shown: ShownKey) -> None:
        """Have an unknown key accepted, or raise HostUnreachable. One question at a time."""
        async with self._one_question:
            judgement = self.known(shown.host, shown.port).judge(shown.blob)
            if judgement.standing is Standing.MATCH:
                return
            if judgement.standing is not Standing.UNKNOWN:
                refused = ShownKey(shown.host, shown.port, shown.blob, judgement)
                raise HostUnreachable(refused.refusal(), Hop.HOST_KEY)
            if self._strict:
                await self._ask(shown)
            self._accept(shown)

    async def _ask(self, shown: ShownKey) -> None:
        key = (shown.host, shown.port, shown.blob)
        if key in self._declined:
            raise HostUnreachable(
                f"{shown.refusal()}; you are asked again after a restart", Hop.HOST_KEY
            )
        if self._asker is None:
            raise HostUnreachable(
                f"{shown.refusal()}: nobody can be asked here. The console asks, and so does ssh",
                Hop.HOST_KEY,
            )
        sha256, md5 = fingerprints(shown.blob)
        question = HostKeyQuestion(
            Untrusted(shown.host), shown.port, shown.kind, sha256, md5, self._remembered_in(shown)
        )
        if not await self._asker(question):
            self._declined.add(key)
            raise HostUnreachable(shown.refusal(), Hop.HOST_KEY)

    def _remembered_in(self, shown: ShownKey) -> str | None:
        writable = self._remember and _STORABLE.fullmatch(shown.host)
        return str(self._own_file) if writable else None

    def _believe(self, shown: ShownKey) -> str:
        """Take a key for known as long as this session lasts; the name it is known under."""
        name = host_names(shown.host, shown.port)[0]
        self._accepted.append(KnownKey(_SESSION, Marker.HOST, name, shown.kind, shown.blob))
        return name

    def _accept(self, shown: ShownKey) -> None:
        name = self._believe(shown)
        if self._remembered_in(shown) is None:
            return
        try:
            append_known_host(self._own_file, name, shown.kind, shown.blob)
        except OSError as exc:
            # Said once, as the failure of this connection; the next one finds the key accepted.
            raise HostUnreachable(
                f"the accepted host key of {shown.host} could not be written to "
                f"{self._own_file} ({exc.strerror}): it holds until you leave",
                Hop.HOST_KEY,
            ) from exc

    def _stored(self) -> Iterable[KnownKey]:
        for file in self._files:
            yield from self._lines(file)

    def _lines(self, file: Path) -> tuple[KnownKey, ...]:
        """The lines of a file, parsed again whenever it changed."""
        content = _read(file)
        held = self._parsed.get(file)
        if held is None or held[0] != content:
            held = self._parsed[file] = (content, tuple(parse_known_hosts(content, str(file))))
        return held[1]


def append_known_host(file: Path, name: str, kind: str, blob: bytes) -> None:
    """Add one line to a known_hosts file of ours: file 0600, folder 0700. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    encoded = b64encode(blob).decode()
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "rb+") as stream:
        ends = stream.seek(0, os.SEEK_END)
        stream.seek(max(ends - 1, 0))
        start = "" if stream.read(1) in {b"", b"\n"} else "\n"
        stream.write(f"{start}{name} {kind} {encoded}\n".encode())


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as exc:
        # An unreadable file may hold the very line that says "changed".
        raise HostUnreachable(
            f"host keys cannot be checked: {file} cannot be read ({exc.strerror})",
            Hop.HOST_KEY,
        ) from exc
