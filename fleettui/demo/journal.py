"""A simulated journald: bounded, with cursors, told as journalctl's JSON."""

import asyncio
import hashlib
import json
import re
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from fleettui.demo.clock import Clock

CAPACITY = 20_000
"""Entries kept; the oldest go first."""
_SHOWN_WHOLE = 4096
"""Bytes from which on journalctl prints `null` for a field and its name, unless asked with -a."""
_CURSOR = re.compile(r"s=[0-9a-f]{32};i=(?P<number>[0-9a-f]+)(;|$)")


class BadCursor(ValueError):
    """journalctl cannot seek to that."""


@dataclass(frozen=True, slots=True)
class Host:
    """Whose journal it is."""

    machine_id: str
    boot_id: str
    hostname: str
    booted: float
    """Clock.now() of the boot."""


@dataclass(frozen=True, slots=True)
class Process:
    """Who says a line."""

    identifier: str
    pid: int
    unit: str
    """The unit whose cgroup the process is in."""
    exe: str
    cmdline: str


SYSTEMD = Process(
    "systemd", 1, "init.scope", "/usr/lib/systemd/systemd", "/usr/lib/systemd/systemd"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One record."""

    number: int
    units: frozenset[str]
    """What `-u` finds it by: the unit of its process, and the one systemd speaks of."""
    line: bytes
    whole: bytes
    """The same with -a."""
    at: float = 0.0
    """Seconds since 1970, by the machine's clock."""
    message_id: str = ""


class Journal:
    """The journal of one machine. May be written and read from any thread."""

    def __init__(self, host: Host, clock: Clock) -> None:
        self._host = host
        self._clock = clock
        self._id = hashlib.md5(host.boot_id.encode(), usedforsecurity=False).hexdigest()
        self._entries: deque[Entry] = deque(maxlen=CAPACITY)
        self._number = 0x2D
        self._lock = threading.Lock()
        self._waiting: list[Callable[[], None]] = []

    def say(
        self,
        process: Process,
        message: str | bytes,
        *,
        about: str = "",
        priority: int = 6,
        message_id: str = "",
    ) -> None:
        """Add a line of a process; `about` is the unit systemd itself speaks of."""
        raw = message.encode("utf-8", "surrogateescape") if isinstance(message, str) else message
        with self._lock:
            self._number += 1
            fields = self._fields(process, raw, about, priority)
            if message_id:
                fields["MESSAGE_ID"] = message_id
            line = whole = _written(fields)
            if len(b"MESSAGE=") + len(raw) >= _SHOWN_WHOLE:
                line = _written(fields | {"MESSAGE": None})
            units = frozenset({process.unit, about} - {""})
            at = int(str(fields["__REALTIME_TIMESTAMP"])) / 1e6
            self._entries.append(Entry(self._number, units, line, whole, at, message_id))
            waiting = list(self._waiting)
        for wake in waiting:
            wake()

    def clock(self) -> float:
        """The machine's time: seconds since 1970."""
        return self._clock.wall(self._clock.now())

    def tail(self, units: Iterable[str], count: int) -> list[Entry]:
        """The newest `count` entries of some units, oldest first."""
        return self._since(frozenset(units), 0)[0][-count:] if count else []

    def marked(self, message_ids: Collection[str], since: float) -> list[Entry]:
        """The entries that bear one of these IDs, from `since` on (seconds since 1970)."""
        with self._lock:
            return [e for e in self._entries if e.message_id in message_ids and e.at >= since]

    def after(self, units: Iterable[str], cursor: str) -> list[Entry]:
        """What came after a cursor. Raises BadCursor."""
        return self._since(frozenset(units), number_of(cursor))[0]

    async def follow(
        self, units: Sequence[str], *, count: int = 10, cursor: str | None = None
    ) -> AsyncGenerator[Sequence[Entry], None]:
        """The newest `count` entries of some units, or all after a cursor, and then every later
        one as it comes, in batches. Raises BadCursor."""
        wanted, start = frozenset(units), 0 if cursor is None else number_of(cursor)
        loop, news = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(news.set)

        with self._lock:
            self._waiting.append(wake)
        try:
            batch, last = self._since(wanted, start)
            yield batch if cursor is not None else batch[max(len(batch) - count, 0) :]
            while True:
                await news.wait()
                news.clear()
                batch, last = self._since(wanted, last)
                if batch:
                    yield batch
        finally:
            with self._lock:
                self._waiting.remove(wake)

    def _since(self, units: frozenset[str], number: int) -> tuple[list[Entry], int]:
        """Entries of some units beyond a number, and the newest number there is."""
        with self._lock:
            fresh = []
            for entry in reversed(self._entries):
                if entry.number <= number:
                    break
                if not units.isdisjoint(entry.units):
                    fresh.append(entry)
            return fresh[::-1], self._number

    def _fields(
        self, process: Process, message: bytes, about: str, priority: int
    ) -> dict[str, object]:
        now = self._clock.now()
        real = int(self._clock.wall(now) * 1e6)
        mono = int((now - self._host.booted) * 1e6)
        is_systemd = process.pid == 1
        fields: dict[str, object] = {
            "__CURSOR": self._cursor(real, mono, message),
            "__REALTIME_TIMESTAMP": str(real),
            "__MONOTONIC_TIMESTAMP": str(mono),
            "_BOOT_ID": self._host.boot_id,
            "_TRANSPORT": "journal" if is_systemd else "stdout",
            "PRIORITY": str(priority),
            "SYSLOG_FACILITY": "3",
            "SYSLOG_IDENTIFIER": process.identifier,
            "MESSAGE": _shown(message),
            "_PID": str(process.pid),
            "_UID": "0",
            "_GID": "0",
            "_COMM": process.identifier[:15],
            "_EXE": process.exe,
            "_CMDLINE": process.cmdline,
            "_CAP_EFFECTIVE": "3fffffffff",
            "_SYSTEMD_CGROUP": "/init.scope" if is_systemd else f"/system.slice/{process.unit}",
            "_SYSTEMD_UNIT": process.unit,
            "_SYSTEMD_SLICE": "-.slice" if is_systemd else "system.slice",
            "_MACHINE_ID": self._host.machine_id,
            "_HOSTNAME": self._host.hostname,
        }
        return fields | ({"UNIT": about, "CODE_FILE": "src/core/unit.c"} if about else {})

    def _cursor(self, real: int, mono: int, message: bytes) -> str:
        mark = hashlib.md5(message, usedforsecurity=False).hexdigest()[:16]
        place = f"s={self._id};i={self._number:x};b={self._host.boot_id}"
        return f"{place};m={mono:x};t={real:x};x={mark}"


def number_of(cursor: str) -> int:
    """The number of a cursor's entry. Raises BadCursor."""
    match = _CURSOR.match(cursor)
    if match is None:
        raise BadCursor(cursor)
    return int(match["number"], 16)


def _written(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _shown(raw: bytes) -> object:
    """A field as journalctl prints it: text, or a list of bytes if not printable."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return list(raw)
    return list(raw) if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text) else text
