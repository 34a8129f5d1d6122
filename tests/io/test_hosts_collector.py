"""Where lines are many a collector receives them: the same lines, and nothing stays behind."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from ssh_machine import Home, Process, SshMachine, machine_at, make_home, until

from fleettui.access import HostKeyQuestion
from fleettui.hosts import following
from fleettui.hosts import journal as journal_module
from fleettui.hosts.connect import SshHosts, connect_hosts
from fleettui.hosts.settings import HostSettings
from fleettui.model.host import FLEET_SERVICE, JournalItem, JournalNotice, NoticeKind

ADDRESSES = ("127.0.0.21", "127.0.0.22", "127.0.0.23")
EACH = 5
"""Lines that a machine writes at a time."""


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(journal_module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(journal_module, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(following, "MANY", 1.0)
    monkeypatch.setattr(following, "PATIENCE", 1.0)
    monkeypatch.setattr(following, "LONGEST_PATIENCE", 1.0)
    monkeypatch.setattr(following, "IDLE", 0.2)


@dataclass
class Speaking:
    """A machine whose journal grows all the time, as long as somebody follows it."""

    address: str
    machine: SshMachine = field(init=False)
    written: int = 100
    followers: list[object] = field(default_factory=list)
    """The connection of each journalctl that follows."""
    readers: set[object] = field(default_factory=set)
    """That of each one that has read to the present end."""

    def __post_init__(self) -> None:
        self.machine = SshMachine(self.serve, address=self.address)

    async def serve(self, process: Process, words: list[str]) -> None:
        cursor = next((w for w in words if w.startswith("--cursor=")), None)
        sent = int(cursor.rpartition("i=")[2], 16) if cursor else 0
        connection = process.channel.get_connection()
        if "-f" not in words:
            self.readers.add(connection)
            process.stdout.write(b"".join(record(n) for n in range(sent, self.written)))
            process.exit(0)
            return
        self.followers.append(connection)
        left = asyncio.create_task(self.machine.until_hung_up(process))
        try:
            while not left.done():
                process.stdout.write(b"".join(record(n) for n in range(sent, self.written)))
                sent = self.written
                await asyncio.wait({left}, timeout=0.05)
                self.written = max(self.written, sent + EACH)
        finally:
            self.followers.remove(connection)
        await asyncio.gather(left, return_exceptions=True)


def record(number: int) -> bytes:
    fields = {
        "__CURSOR": f"s=ab;i={number:x}",
        "__REALTIME_TIMESTAMP": str(1409270367310391 + number),
        "_SYSTEMD_UNIT": FLEET_SERVICE,
        "_BOOT_ID": "b0",
        "MESSAGE": f"INFO a.go:1: line {number}",
    }
    return json.dumps(fields).encode() + b"\n"


@dataclass
class Seen:
    """What came of one machine's journal."""

    numbers: list[int] = field(default_factory=list)
    notices: list[JournalNotice] = field(default_factory=list)

    def take(self, items: Sequence[JournalItem]) -> None:
        for item in items:
            if isinstance(item, JournalNotice):
                self.notices.append(item)
            else:
                self.numbers.append(int(item.message.raw.rpartition(" ")[2]))

    def told(self, kind: NoticeKind) -> bool:
        return any(notice.kind is kind for notice in self.notices)

    @property
    def is_whole(self) -> bool:
        return self.numbers == list(range(len(self.numbers)))


@asynccontextmanager
async def speaking(home: Home) -> AsyncIterator[list[Speaking]]:
    """Some machines that speak, on one port as sshd has it."""
    async with AsyncExitStack() as stack:
        machines = [Speaking(address) for address in ADDRESSES]
        for speaker in machines:
            speaker.machine.port = machines[0].machine.port
            await stack.enter_async_context(speaker.machine)
        home.knows(*(speaker.machine for speaker in machines))
        yield machines


@asynccontextmanager
async def hosts_of(settings: HostSettings) -> AsyncIterator[SshHosts]:
    hosts = connect_hosts(settings)
    try:
        yield hosts
    finally:
        await hosts.close()


async def soon(condition: Callable[[], bool]) -> None:
    await until(condition, seconds=90)


@asynccontextmanager
async def followed(hosts: SshHosts) -> AsyncIterator[dict[str, Seen]]:
    """The journals of all machines, while the context lasts."""
    seen = {address: Seen() for address in ADDRESSES}

    async def follow(address: str) -> None:
        async with hosts.journal(machine_at(address), FLEET_SERVICE) as batches:
            async for items in batches:
                seen[address].take(items)

    async with asyncio.timeout(110):
        tasks = [asyncio.create_task(follow(address)) for address in ADDRESSES]
        try:
            yield seen
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def collectors(parent: int) -> list[int]:
    """The collectors that a process has started and that run."""
    threads = Path(f"/proc/{parent}/task").glob("*/children")
    return [pid for thread in threads for pid in map(int, thread.read_text().split()) if runs(pid)]


def runs(collector: int) -> bool:
    try:
        return b"hosts.collector" in Path(f"/proc/{collector}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return False


def received_apart(hosts: SshHosts, machines: list[Speaking]) -> bool:
    """Whether each journal is followed by a collector alone."""
    opened = hosts._connections._opened
    apart = opened is not None and not opened[1]._here and len(collectors(os.getpid())) == 1
    return apart and all(
        len(m.machine.connections) > 1 and m.followers == m.machine.connections[-1:]
        for m in machines
    )


async def test_a_storm_goes_to_a_collector_and_on_from_one_that_was_killed(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    async with (
        speaking(home) as machines,
        hosts_of(home.settings(machines[0].machine)) as hosts,
    ):
        async with followed(hosts) as seen:
            await soon(lambda: received_apart(hosts, machines))
            machines[0].machine.cut()
            (first,) = collectors(os.getpid())
            await soon(lambda: seen[ADDRESSES[0]].told(NoticeKind.LOST))
            await more_lines(seen)
            assert [n.kind for n in seen[ADDRESSES[1]].notices] == [NoticeKind.CONNECTED]

            os.kill(first, signal.SIGKILL)
            await soon(lambda: all(s.told(NoticeKind.LOST) for s in seen.values()))
            await soon(lambda: received_apart(hosts, machines))
            assert first not in collectors(os.getpid())
            await more_lines(seen)
            assert all(s.is_whole for s in seen.values())
            words = [notice.text.raw for notice in seen[ADDRESSES[1]].notices]
            assert words[0] == words[2] == f"following {FLEET_SERVICE}"
            assert words[1].startswith("the process that received this journal has ended")
            assert len(words) == 3
        await soon(lambda: all(m.machine.running == 0 for m in machines))
        await soon(lambda: collectors(os.getpid()) == [])  # it has nothing to do any more


@asynccontextmanager
async def in_peace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[list[Speaking], SshHosts, dict[str, Seen]]]:
    """Machines whose journals are followed, and of whose lines there are never too many."""
    monkeypatch.setattr(following, "MANY", float("inf"))
    home = make_home(tmp_path)
    async with (
        speaking(home) as machines,
        hosts_of(home.settings(machines[0].machine)) as hosts,
        followed(hosts) as seen,
    ):
        yield machines, hosts, seen


async def test_many_journals_go_to_a_collector_before_a_storm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MANY_JOURNALS", len(ADDRESSES))
    async with in_peace(tmp_path, monkeypatch) as (machines, hosts, seen):
        await soon(lambda: received_apart(hosts, machines))
        await more_lines(seen)
        assert all(s.is_whole for s in seen.values())
        assert all([n.kind for n in s.notices] == [NoticeKind.CONNECTED] for s in seen.values())
        for machine in machines:
            machine.readers.clear()
        async with followed(hosts) as again:
            await more_lines(again)
        # The collector is connected to all of them, and nobody else needs to begin.
        assert all(m.readers == {m.machine.connections[-1]} for m in machines)
        assert all(s.is_whole for s in again.values())
        assert all([n.kind for n in s.notices] == [NoticeKind.CONNECTED] for s in again.values())


async def test_a_journal_that_a_collector_cannot_reach_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with in_peace(tmp_path, monkeypatch) as (machines, _, seen):
        await more_lines(seen)
        refusing = machines[0].machine
        refusing.users = frozenset()
        before = len(refusing.connections)
        monkeypatch.setattr(following, "MANY", 1.0)
        await soon(lambda: len(refusing.connections) > before)
        await soon(lambda: [m.machine.running for m in machines] == [1, 1, 1])
        await more_lines(seen)
        asked = len(refusing.asked)
        for _ in range(5):  # more than the patience of one second
            await more_lines(seen)
        assert len(refusing.asked) == asked
        assert all(s.is_whole for s in seen.values())
        assert all([n.kind for n in s.notices] == [NoticeKind.CONNECTED] for s in seen.values())


async def test_a_journal_that_is_broken_off_is_handed_on_once_it_is_back_and_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with in_peace(tmp_path, monkeypatch) as (machines, hosts, seen):
        await more_lines(seen)
        broken = seen[ADDRESSES[0]]
        await machines[0].machine.stop()
        await soon(lambda: broken.told(NoticeKind.LOST))
        monkeypatch.setattr(following, "MANY", 1.0)
        await soon(lambda: [len(m.machine.logins) for m in machines] == [1, 2, 2])
        monkeypatch.setattr(following, "MANY", float("inf"))  # it goes where the others are
        await machines[0].machine.start()
        lines = len(broken.numbers)
        await soon(lambda: len(broken.numbers) > lines + 30)
        await soon(lambda: received_apart(hosts, machines))
        await more_lines(seen)
        kinds = [notice.kind for notice in broken.notices]
        assert kinds.count(NoticeKind.CONNECTED) == 2
        assert kinds[0] is kinds[-1] is NoticeKind.CONNECTED
        assert set(kinds[1:-1]) == {NoticeKind.LOST}
        assert all(s.is_whole for s in seen.values())


async def more_lines(seen: dict[str, Seen]) -> None:
    """Wait until each journal is well on."""
    lines = {address: len(s.numbers) for address, s in seen.items()}
    await soon(lambda: all(len(seen[address].numbers) > n + 30 for address, n in lines.items()))


async def test_keys_are_asked_about_in_the_console_and_once(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    asked: list[HostKeyQuestion] = []

    async def trusts(question: HostKeyQuestion) -> bool:
        asked.append(question)
        return True

    async with speaking(home) as machines:
        home.openssh.unlink()
        async with hosts_of(home.settings(machines[0].machine, remember=False)) as hosts:
            hosts.ask_host_keys(trusts)
            async with followed(hosts) as seen:
                await soon(lambda: received_apart(hosts, machines))
                lines = {address: len(s.numbers) for address, s in seen.items()}
                await soon(lambda: all(len(seen[a].numbers) > n for a, n in lines.items()))
        assert sorted(question.host.raw for question in asked) == list(ADDRESSES)
        assert not home.own.exists()
        assert collectors(os.getpid()) == []  # closing ended it


CONSOLE = """
import asyncio, json, sys
sys.path[:0] = json.loads(sys.argv[1])
import test_hosts_collector as these
asyncio.run(these.console(sys.argv[2], int(sys.argv[3])))
"""


async def console(home: str, port: int) -> None:
    """What a killed console runs: it follows all machines, for ever."""
    following.MANY = following.PATIENCE = 1.0
    settings = Home(Path(home)).settings(SshMachine(port=port))
    async with followed(connect_hosts(settings)):
        await asyncio.Event().wait()


async def test_nothing_is_left_of_a_console_that_was_killed(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    async with speaking(home) as machines:
        here = [str(Path(__file__).parent), *sys.path]
        port = str(machines[0].machine.port)
        argv = (sys.executable, "-c", CONSOLE, json.dumps(here), str(tmp_path), port)
        killed = await asyncio.create_subprocess_exec(*argv)
        await soon(lambda: collectors(killed.pid) != [])
        await soon(lambda: all(len(m.machine.logins) >= 2 for m in machines))
        (collector,) = collectors(killed.pid)
        killed.kill()
        await killed.wait()
        await soon(lambda: all(m.machine.running == 0 for m in machines))
        await soon(lambda: not Path(f"/proc/{collector}").exists())
