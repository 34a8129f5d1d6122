"""known_hosts files as OpenSSH reads them: which keys are known, changed, revoked or trusted."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class Marker(StrEnum):
    """What a line says of its key."""

    HOST = ""
    AUTHORITY = "@cert-authority"
    REVOKED = "@revoked"


class Standing(StrEnum):
    """How a key that a machine shows stands to what is known of the machine."""

    MATCH = "match"
    UNKNOWN = "unknown"
    CHANGED = "changed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class KnownKey:
    """One line of a known_hosts file."""

    place: str
    """`FILE:LINE`, for words."""
    marker: Marker
    patterns: str
    kind: str
    """Key type, such as `ssh-ed25519`."""
    blob: bytes
    """The key in SSH's wire format."""

    def names(self, name: str) -> bool:
        """Whether the line is about `name`, given as `host` or `[host]:port` in lower case."""
        if self.patterns.startswith("|"):
            return _hashes_to(self.patterns, name)
        return _listed(self.patterns.lower().split(","), name)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is thought of a key, and the line that says so."""

    standing: Standing
    line: KnownKey | None = None


@dataclass(frozen=True, slots=True)
class HostLines:
    """All lines about one host and port.

    Lines about the host without its port may vouch for a key, as in OpenSSH, but not speak
    against one: another port may be another machine.
    """

    exact: tuple[KnownKey, ...]
    without_port: tuple[KnownKey, ...]

    def judge(self, blob: bytes) -> Judgement:
        """What these lines say of a plain host key."""
        revoked = self._first(self._all(Marker.REVOKED), blob)
        if revoked:
            return Judgement(Standing.REVOKED, revoked)
        vouched = self._first(self._all(Marker.HOST), blob)
        if vouched:
            return Judgement(Standing.MATCH, vouched)
        known = [line for line in self.exact if line.marker is Marker.HOST]
        if not known:
            return Judgement(Standing.UNKNOWN)
        kind = key_kind(blob)
        return Judgement(Standing.CHANGED, next((k for k in known if k.kind == kind), known[0]))

    def judge_authority(self, blob: bytes) -> Judgement:
        """What these lines say of the key that signed a host certificate."""
        revoked = self._first(self._all(Marker.REVOKED), blob)
        if revoked:
            return Judgement(Standing.REVOKED, revoked)
        trusted = self._first(self.authorities, blob)
        if trusted:
            return Judgement(Standing.MATCH, trusted)
        return Judgement(Standing.CHANGED, next(iter(self.authorities), None))

    @property
    def authorities(self) -> tuple[KnownKey, ...]:
        """Keys marked `@cert-authority`, in the order of the files."""
        return tuple(self._all(Marker.AUTHORITY))

    @property
    def revoked(self) -> tuple[KnownKey, ...]:
        """Keys marked `@revoked`: whatever else is said of them, they are refused."""
        return tuple(self._all(Marker.REVOKED))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Types of the host's known keys, in order: to be asked for before all others."""
        return tuple(dict.fromkeys(line.kind for line in self._all(Marker.HOST)))

    def _all(self, marker: Marker) -> Iterator[KnownKey]:
        return (line for line in (*self.exact, *self.without_port) if line.marker is marker)

    @staticmethod
    def _first(lines: Iterable[KnownKey], blob: bytes) -> KnownKey | None:
        return next((line for line in lines if line.blob == blob), None)


def lines_about(host: str, port: int, known: Iterable[KnownKey]) -> HostLines:
    """The lines about `host` at `port`."""
    exact, without_port = [], []
    names = host_names(host, port)
    for line in known:
        if any(line.names(name) for name in names):
            exact.append(line)
        elif port != 22 and any(line.names(name) for name in host_names(host, 22)):
            without_port.append(line)
    return HostLines(tuple(exact), tuple(without_port))


def host_names(host: str, port: int) -> tuple[str, ...]:
    """How a host and port are written: OpenSSH's way first, then fleetctl's for bare IPv6."""
    host = host.lower()
    if port != 22:
        return (f"[{host}]:{port}",)
    return (host, f"[{host}]") if ":" in host else (host,)


def parse_known_hosts(content: bytes, file: str) -> Iterator[KnownKey]:
    """The good lines of a file; what is no good line is passed over, as OpenSSH does."""
    for number, line in enumerate(content.split(b"\n"), start=1):
        key = _parse_line(line.decode("utf-8", "surrogateescape"), f"{file}:{number}")
        if key is not None:
            yield key


def key_kind(blob: bytes) -> str | None:
    """The type a key's wire format begins with, None for what is no key."""
    length = int.from_bytes(blob[:4], "big")
    name = blob[4 : 4 + length]
    return name.decode("ascii") if 0 < length == len(name) and name.isascii() else None


def fingerprints(blob: bytes) -> tuple[str, str]:
    """SHA256 as OpenSSH prints it and MD5 as old fleetctl does."""
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    md5 = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    return f"SHA256:{sha256}", "MD5:" + ":".join(re.findall("..", md5))


def _parse_line(line: str, place: str) -> KnownKey | None:
    fields = line.split()
    if not fields or fields[0].startswith("#"):
        return None
    marker = Marker.HOST
    if fields[0].startswith("@"):
        if fields[0] not in {Marker.AUTHORITY, Marker.REVOKED}:
            return None
        marker = Marker(fields.pop(0))
    if len(fields) < 3:
        return None
    patterns, kind, encoded = fields[:3]
    blob = _unbase64(encoded)
    return KnownKey(place, marker, patterns, kind, blob) if key_kind(blob) == kind else None


def _unbase64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error):
        return b""


def _hashes_to(pattern: str, name: str) -> bool:
    """Whether `|1|SALT|HASH` is `name` (OpenSSH hostfile.c: HMAC-SHA1)."""
    parts = pattern.split("|")
    if len(parts) != 4 or parts[1] != "1":
        return False
    salt, want = _unbase64(parts[2]), _unbase64(parts[3])
    is_ = hmac.new(salt, name.encode("utf-8", "surrogateescape"), hashlib.sha1).digest()
    return bool(want) and hmac.compare_digest(is_, want)


def _listed(patterns: Iterable[str], name: str) -> bool:
    """Whether a list of patterns names `name`; one negated match rules it out."""
    found = False
    for pattern in patterns:
        if _matches(pattern.removeprefix("!"), name):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _matches(pattern: str, name: str) -> bool:
    """Wildcards `*` and `?` in linear steps: a regular expression could take for ever."""
    at, star, tried = 0, -1, 0
    here = 0
    while here < len(name):
        sign = pattern[at : at + 1]
        if sign == "*":
            star, tried, at = at, here, at + 1
        elif sign in {"?", name[here]}:
            at, here = at + 1, here + 1
        elif star >= 0:
            tried += 1
            at, here = star + 1, tried
        else:
            return False
    return not pattern[at:].strip("*")
