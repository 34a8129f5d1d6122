"""journalctl of a benchmark's machine: as many lines as the clock says, in the recorded shape."""

import os
import re
import select
import sys
import time

BEFORE = 100
"""Lines that every journal has before it begins to speak."""
LARGEST = 64 * 1024
_TICK = 0.05
"""Seconds between two looks while the journal is silent."""
_ASK = 1.0
"""Seconds between two looks for the benchmark that all this is for."""

_IDLE = 19
"""The nice value of all that is another computer's work."""

_SAID = (
    "INFO manager.go:138: Triggered systemd unit app{unit:05}.service start",
    "INFO manager.go:246: Writing systemd unit app{unit:05}.service (212b)",
    "ERROR manager.go:275: Failed to trigger systemd unit app{unit:05}.service stop: timeout",
    "INFO reconcile.go:330: AgentReconciler completed task: type=StartUnit job=app{unit:05}",
)


class Journal:
    """The journal of the machine that this address is."""

    def __init__(self) -> None:
        self.machine = os.environ.get("SSH_CONNECTION", "0 0 0 0").split()[2]
        self._speech = os.environ["BENCH_SPEECH"]
        self._read: tuple[float, ...] = ()

    def written(self) -> int:
        """How many lines there are by now."""
        if not self._read:
            try:
                with open(self._speech) as file:  # noqa: PTH123 - pathlib takes longer to import than all of this
                    self._read = tuple(float(word) for word in file.read().split())
            except FileNotFoundError:
                return BEFORE
        began, rate, seconds, _ = self._read
        return BEFORE + int(min(max(time.time() - began, 0), seconds) * rate)

    def sleep(self, line: int) -> None:
        """Until a line may have been written."""
        if not self._read:
            time.sleep(_TICK)  # a line that was written wakes nobody
            return
        began, rate, seconds, _ = self._read
        due = began + (line + 1 - BEFORE) / rate
        over = line + 1 - BEFORE > seconds * rate
        # A line that was written wakes nobody.
        time.sleep(_TICK if over else max(due - time.time(), 0.0005))

    def record(self, line: int) -> bytes:
        """One of its lines."""
        return record(self.machine, line, int(self._read[3]) if self._read else 0)


def record(machine: str, line: int, huge: int = 0) -> bytes:
    """As `-o json` writes it: 22 fields, some 900 bytes; each second one of so many huge bytes, as
    text or as numbers.
    """
    words = _SAID[line % len(_SAID)].format(unit=line % 250)
    said = f'"{words} n={line}"'
    if line > BEFORE and line % 2 and huge:
        said = _huge(line // 2 % 4, huge)
    at = 1_700_000_000_000_000 + line * 1000
    boot = "6f1c0c7d3f6e4b2f9d4a0b7c8e9f0a1b"
    return (
        f'{{"__CURSOR":"s=4b{machine};i={line + 1:x};b={boot};m={line:x};t={at:x};x=1",'
        f'"__REALTIME_TIMESTAMP":"{at}","__MONOTONIC_TIMESTAMP":"{line}",'
        f'"_BOOT_ID":"{boot}","_TRANSPORT":"stdout","PRIORITY":"6","SYSLOG_FACILITY":"3",'
        '"SYSLOG_IDENTIFIER":"fleetd","_UID":"0","_GID":"0","_COMM":"fleetd",'
        '"_EXE":"/usr/bin/fleetd","_CMDLINE":"/usr/bin/fleetd","_CAP_EFFECTIVE":"1fffffffff",'
        '"_SELINUX_CONTEXT":"unconfined\\n","_SYSTEMD_CGROUP":"/system.slice/fleet.service",'
        '"_SYSTEMD_UNIT":"fleet.service","_SYSTEMD_SLICE":"system.slice",'
        '"_SYSTEMD_INVOCATION_ID":"0c1d2e3f405162738495a6b7c8d9eafb","_PID":"812",'
        f'"_MACHINE_ID":"1a2b3c4d5e6f708192a3b4c5d6e7f809","_HOSTNAME":"{machine}",'
        f'"_STREAM_ID":"99aabbccddeeff001122334455667788",'
        f'"MESSAGE":{said}}}\n'
    ).encode("utf-8", "surrogateescape")


def _huge(shape: int, size: int) -> str:
    """A MESSAGE of that many bytes: text, no text, and both as numbers."""
    if shape < 2:
        return f'"{("x", chr(0xDCFF))[shape] * size}"'
    return f"[{('120,', '200,')[shape - 2] * (size // 4)}1]"


class Reader:
    """Whoever reads what is written here. A silent journal must end with him too."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._benchmark = int(os.environ["BENCH_PID"])
        self._output = select.poll()
        self._output.register(1, 0)  # that it broke is told unasked
        self._asked = 0.0

    def is_there(self) -> bool:
        """Whether the pipe, the process that started this one and the benchmark are there yet."""
        if self._output.poll(0):
            return False
        if time.monotonic() - self._asked < _ASK:
            return True
        self._asked = time.monotonic()
        return os.getppid() == self._parent and os.path.exists(f"/proc/{self._benchmark}")  # noqa: PTH110 - as above


def main(words: list[str]) -> None:
    journal, reader = Journal(), Reader()
    text = " ".join(words)
    cursor = re.search(r"--cursor=\S*?;i=([0-9a-f]+)", text)
    newest = re.search(r"-n (\d+)|--lines=(\d+)", text)
    line = 0
    if cursor:
        line = int(cursor[1], 16) - 1
    elif newest:
        line = max(journal.written() - int(newest[1] or newest[2]), 0)
    line = _write(journal, line)
    if "-f" in words and "BENCH_POLITE" in os.environ:
        step_back()
    while "-f" in words and reader.is_there():
        journal.sleep(line)
        line = _write(journal, line)


def _write(journal: Journal, line: int) -> int:
    """All that is there from a line on; how far that was."""
    written = journal.written()
    pieces: list[bytes] = []
    size = 0
    for number in range(line, written):
        pieces.append(journal.record(number))
        size += len(pieces[-1])
        if size >= LARGEST:
            _send(b"".join(pieces))
            pieces, size = [], 0
    _send(b"".join(pieces))
    return max(line, written)


def _send(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def step_back() -> None:
    """Leave the processor to the program that is measured, where no CPU group does that for all.

    Linux gives each session a share, whatever the nice values within it (autogroup): with fifty
    machines on this one the program waits for fifty sessions of sshd, and as many of these.
    """
    os.nice(_IDLE)
    parent = os.getppid()
    while _name(parent) in {"sh", "bash", "dash"}:
        parent = _parent(parent)
    for pid in (os.getpid(), parent):
        if pid == os.getpid() or _name(parent) == "sshd":
            _weigh_little(pid)


def _name(pid: int) -> str:
    return _stat(pid)[0]


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _stat(pid: int) -> tuple[str, str]:
    with open(f"/proc/{pid}/stat") as file:  # noqa: PTH123 - as above
        name, _, rest = file.read().partition("(")[2].rpartition(")")
    return name, rest.split()[1]


def _weigh_little(pid: int) -> None:
    try:
        with open(f"/proc/{pid}/autogroup", "w") as file:  # noqa: PTH123 - as above
            file.write(str(_IDLE))
    except OSError:
        pass  # this kernel knows no such thing


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (BrokenPipeError, ConnectionResetError):
        os._exit(1)
