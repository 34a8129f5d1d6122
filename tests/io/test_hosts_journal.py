"""A journal outlives its connections: no line lost, none doubled, and its end is the process's."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from ssh_machine import Home, Process, SshMachine, machine_at, make_home, until

from fleettui.access import HostUnreachable
from fleettui.hosts import following
from fleettui.hosts import journal as journal_module
from fleettui.hosts.connect import SshHosts, connect_hosts, root_journals_for
from fleettui.hosts.process import HELD, WINDOW
from fleettui.model.host import JournalEntry, JournalItem, JournalNotice, NoticeKind, Span


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(journal_module, "FIRST_WAIT", 0.01)
    monkeypatch.setattr(journal_module, "LONGEST_WAIT", 0.05)
    monkeypatch.setattr(journal_module, "QUIET", 0.2)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path)


@asynccontextmanager
async def hosts_of(home: Home, machine: SshMachine) -> AsyncIterator[SshHosts]:
    home.knows(machine)
    hosts = connect_hosts(home.settings(machine))
    try:
        yield hosts
    finally:
        await hosts.close()


def record(number: int, message: object = None, boot: str = "b0") -> bytes:
    fields = {
        "__CURSOR": f"s=abc;i={number:x}",
        "__REALTIME_TIMESTAMP": str(1409270367310391 + number),
        "_SYSTEMD_UNIT": "fleet.service",
        "_BOOT_ID": boot,
        "MESSAGE": f"line {number}" if message is None else message,
    }
    return json.dumps(fields).encode() + b"\n"


class Journalctl:
    """A journal of numbered lines, given out as journalctl gives it."""

    def __init__(self, lines: int, cut_at: Sequence[int] = (), *, later: int = 0) -> None:
        self.lines = lines
        self.later = later
        """How many of them are written only once the journal is followed."""
        self.cuts = list(cut_at)
        """The connection breaks right after a part of these lines was sent."""
        self.starts: list[int] = []
        self.oldest = 0
        """Lines before this one have been vacuumed."""
        self.machine = SshMachine(self.__call__)

    async def __call__(self, process: Process, words: list[str]) -> None:
        first = self._first(words)
        self.starts.append(first)
        follows = "-f" in words
        for number in range(first, self.lines - (0 if follows else self.later)):
            if self.cuts and number == self.cuts[0]:
                self.cuts.pop(0)
                process.stdout.write(record(number)[:30])
                await process.stdout.drain()
                process.get_extra_info("connection").abort()
                return
            process.stdout.write(record(number))
            await process.stdout.drain()
        if follows:
            await self.machine.until_hung_up(process)
        process.exit(143 if follows else 0)

    def _first(self, words: list[str]) -> int:
        """A line that is gone is answered by the next one that is left, as journalctl does."""
        cursor = next((w for w in words if w.startswith("--cursor=")), None)
        asked = int(cursor.rpartition("i=")[2], 16) if cursor else 0
        return max(asked, self.oldest)


Seen = list[JournalItem]


async def read_until(
    hosts: SshHosts,
    enough: Callable[[Seen], bool],
    between: Callable[[], Awaitable[None]] | None = None,
) -> Seen:
    """Follow the journal until `enough` has been seen."""
    seen: Seen = []
    async with asyncio.timeout(60), hosts.journal(machine_at(), "fleet.service") as batches:
        async for batch in batches:
            seen += batch
            if enough(seen):
                break
            if between is not None:
                await between()
    return seen


def messages(seen: Seen) -> list[str]:
    return [item.message.raw for item in seen if isinstance(item, JournalEntry)]


def kinds(seen: Seen) -> list[NoticeKind]:
    return [item.kind for item in seen if isinstance(item, JournalNotice)]


def ends_with(text: str) -> Callable[[Seen], bool]:
    return lambda seen: messages(seen)[-1:] == [text]


def has(kind: NoticeKind, times: int = 1) -> Callable[[Seen], bool]:
    return lambda seen: kinds(seen).count(kind) >= times


async def test_lines_come_in_order_behind_the_news_that_it_is_followed(home: Home) -> None:
    journalctl = Journalctl(3)
    async with journalctl.machine as machine, hosts_of(home, machine) as hosts:
        seen = await read_until(hosts, ends_with("line 2"))
    assert kinds(seen) == [NoticeKind.CONNECTED]
    assert isinstance(seen[0], JournalNotice)
    assert messages(seen) == ["line 0", "line 1", "line 2"]


async def test_five_cuts_in_five_thousand_lines_lose_none_and_double_none(home: Home) -> None:
    journalctl = Journalctl(5000, cut_at=[0, 700, 701, 2500, 4999])
    async with journalctl.machine as machine, hosts_of(home, machine) as hosts:
        seen = await read_until(hosts, ends_with("line 4999"))
    assert messages(seen) == [f"line {number}" for number in range(5000)]
    assert len(machine.logins) == 6
    assert kinds(seen).count(NoticeKind.CONNECTED) == 6
    assert kinds(seen).count(NoticeKind.LOST) == 5


async def test_a_slow_reader_gets_every_line_too_and_the_machine_waits_for_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "PATIENCE", 3600)  # a collector would have all sent once more
    text = "x" * 1000
    sent = 0

    async def much(process: Process, words: list[str]) -> None:
        nonlocal sent
        for number in range(5000):
            process.stdout.write(record(number, f"{number} {text}"))
            await process.stdout.drain()
            sent += 1
        await machine.until_hung_up(process)

    bound = 0

    async def dawdle() -> None:
        nonlocal bound
        await asyncio.sleep(0.02)
        bound = max(bound, sent - len(messages(seen)))

    machine = SshMachine(much)
    seen: Seen = []
    async with (
        asyncio.timeout(60),
        machine,
        hosts_of(home, machine) as hosts,
        hosts.journal(machine_at(), "fleet.service") as batches,
    ):
        async for batch in batches:
            seen += batch
            await dawdle()
            if len(messages(seen)) == 5000:
                break
    assert [m.partition(" ")[0] for m in messages(seen)] == [str(n) for n in range(5000)]
    # What lies between the two ends fits into the windows and buffers of both.
    assert bound * 1000 < 2 * (HELD + WINDOW) + 2 * 1024 * 1024


async def test_a_line_of_two_megabytes_is_told_of_and_the_next_line_is_whole(home: Home) -> None:
    async def program(process: Process, words: list[str]) -> None:
        process.stdout.write(record(0) + record(1, "x" * 2_000_000) + record(2))
        await machine.until_hung_up(process)

    machine = SshMachine(program)
    async with machine, hosts_of(home, machine) as hosts:
        seen = await read_until(hosts, ends_with("line 2"))
    entries = [item for item in seen if isinstance(item, JournalEntry)]
    assert [entry.problem is None for entry in entries] == [True, False, True]
    assert "bytes was left out" in str(entries[1].problem)
    assert entries[1].cursor == "s=abc;i=1"


async def test_bytes_that_are_no_utf8_lose_no_connection(home: Home) -> None:
    async def program(process: Process, words: list[str]) -> None:
        process.stdout.write(b"\xff\xfe\x80\n" + record(0).replace(b"line", b"\xc3\x28"))
        process.stderr.write(b"\xff\n")
        process.stdout.write(record(1))
        await machine.until_hung_up(process)

    machine = SshMachine(program)
    async with machine, hosts_of(home, machine) as hosts:
        seen = await read_until(hosts, ends_with("line 1"))
    assert messages(seen) == ["\\xff\\xfe\\x80", "\\xc3( 0", "line 1"]
    assert NoticeKind.LOST not in kinds(seen)
    assert len(machine.logins) == 1


async def test_leaving_ends_the_remote_process(home: Home) -> None:
    journalctl = Journalctl(2, later=1)
    async with journalctl.machine as machine, hosts_of(home, machine) as hosts:
        await read_until(hosts, ends_with("line 1"))
        await until(lambda: machine.hung_up == 1 and machine.running == 0)
        assert not machine.connections[0].is_closed()  # the connection stays for what comes next


async def test_a_reader_that_is_cancelled_ends_the_remote_process(home: Home) -> None:
    journalctl = Journalctl(1)
    async with journalctl.machine as machine, hosts_of(home, machine) as hosts:
        task = asyncio.create_task(read_until(hosts, lambda seen: False))
        await until(lambda: machine.running == 1 and len(machine.asked) == 2)
        task.cancel()
        await asyncio.wait({task})
        await until(lambda: machine.hung_up == 1 and machine.running == 0)


async def test_closing_the_hosts_ends_the_remote_process(home: Home) -> None:
    journalctl = Journalctl(1)
    async with journalctl.machine as machine, hosts_of(home, machine) as hosts:
        task = asyncio.create_task(read_until(hosts, lambda seen: False))
        await until(lambda: machine.running == 1 and len(machine.asked) == 2)
        async with asyncio.timeout(1):
            await hosts.close()
        await until(lambda: machine.running == 0)
        task.cancel()
        await asyncio.wait({task})


async def test_a_machine_that_is_gone_is_lost_once_with_a_reason_and_found_again(
    home: Home,
) -> None:
    journalctl = Journalctl(5, cut_at=[3])
    machine = journalctl.machine
    seen: Seen = []
    async with (
        asyncio.timeout(60),
        machine,
        hosts_of(home, machine) as hosts,
        hosts.journal(machine_at(), "fleet.service") as batches,
    ):
        async for batch in batches:
            seen += batch
            if has(NoticeKind.LOST)(seen):
                break
        await machine.stop()
        assert _texts(list(await anext(batches))) == [
            f"127.0.0.1 port {machine.port} refuses connections: does sshd run there?"
        ]
        back = asyncio.create_task(_read_to(batches, "line 4", seen))
        await machine.start()
        await back
    assert messages(seen) == [f"line {number}" for number in range(5)]
    assert kinds(seen) == [NoticeKind.CONNECTED, NoticeKind.LOST, NoticeKind.CONNECTED]


async def _read_to(batches: AsyncIterator[Sequence[JournalItem]], text: str, seen: Seen) -> None:
    async for batch in batches:
        seen += batch
        if ends_with(text)(seen):
            return


async def test_one_who_may_not_read_is_told_what_is_missing_once(home: Home) -> None:
    async def refuse(process: Process, words: list[str]) -> None:
        process.stderr.write(b"No journal files were found.\n")
        process.exit(1)

    machine = SshMachine(refuse)
    async with machine, hosts_of(home, machine) as hosts:
        seen: Seen = []
        task = asyncio.create_task(_collect(hosts, seen))
        await until(lambda: len(machine.asked) >= 4)
        task.cancel()
        await asyncio.wait({task})
    assert kinds(seen) == [NoticeKind.CONNECTED, NoticeKind.REFUSED, NoticeKind.ENDED]
    assert "core is not in group systemd-journal on 127.0.0.1" in _texts(seen)[1]


async def _collect(hosts: SshHosts, seen: Seen) -> None:
    async with hosts.journal(machine_at(), "fleet.service") as batches:
        async for batch in batches:
            seen += batch


def _texts(seen: Seen) -> list[str]:
    return [str(item.text) for item in seen if isinstance(item, JournalNotice)]


async def test_what_journalctl_says_besides_is_passed_on_harmless(home: Home) -> None:
    async def program(process: Process, words: list[str]) -> None:
        process.stderr.write(b"Hint: \x1b]0;owned\x07 you see only your own\n")
        process.stdout.write(b"-- Reboot --\n" + record(0))
        await machine.until_hung_up(process)

    machine = SshMachine(program)
    async with machine, hosts_of(home, machine) as hosts:
        seen = await read_until(
            hosts, lambda seen: len(messages(seen)) == 1 and len(kinds(seen)) == 3
        )
    said = [str(item.text) for item in seen if isinstance(item, JournalNotice)][1:]
    assert set(said) == {
        "Hint: \u241b]0;owned\u2407 you see only your own",
        "-- Reboot --",
    }


async def test_a_journalctl_that_ends_is_started_again_behind_its_last_line(home: Home) -> None:
    runs = 0

    async def program(process: Process, words: list[str]) -> None:
        nonlocal runs
        runs += 1
        process.stdout.write((record(runs - 1) if runs > 1 else b"") + record(runs))
        process.exit(7)

    async with SshMachine(program) as machine, hosts_of(home, machine) as hosts:
        seen = await read_until(hosts, ends_with("line 3"))
        assert "--cursor=s=abc;i=1" in machine.asked[1]
        assert "--cursor=s=abc;i=2" in machine.asked[2]
    assert messages(seen) == ["line 1", "line 2", "line 3"]
    assert "journalctl on 127.0.0.1 ended with status 7" in _texts(seen)


async def test_after_an_end_a_quiet_journal_is_followed_again_and_says_so(home: Home) -> None:
    runs = 0

    async def program(process: Process, words: list[str]) -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            process.stderr.write(b"journalctl: not found")
            process.exit(127)
        elif "-f" in words:
            await machine.until_hung_up(process)
        else:
            process.exit(0)

    machine = SshMachine(program)
    async with machine, hosts_of(home, machine) as hosts:
        seen = await read_until(hosts, has(NoticeKind.CONNECTED, 2))
    assert _texts(seen) == [
        "following fleet.service",
        "journalctl: not found",
        "journalctl on 127.0.0.1 ended with status 127",
        "following fleet.service",
    ]


async def test_a_hostile_cursor_is_never_sent_back(home: Home) -> None:
    async def program(process: Process, words: list[str]) -> None:
        process.stdout.write(record(0).replace(b"s=abc;i=0", b"x y'; reboot"))
        if len(machine.asked) > 1:
            process.stdout.write(record(1))
            await machine.until_hung_up(process)
        process.exit(0)

    machine = SshMachine(program)
    async with machine, hosts_of(home, machine) as hosts:
        await read_until(hosts, ends_with("line 1"))
    assert all("reboot" not in asked for asked in machine.asked)


async def test_two_journals_of_a_machine_share_its_connection(home: Home) -> None:
    journalctl = Journalctl(2)
    async with journalctl.machine as machine, hosts_of(home, machine) as hosts:
        await asyncio.gather(*(read_until(hosts, ends_with("line 1")) for _ in range(2)))
        assert len(machine.logins) == 1


async def test_a_place_that_was_vacuumed_is_a_gap_that_is_told_and_no_line_left_is_lost(
    home: Home,
) -> None:
    journalctl = Journalctl(50, cut_at=[20])
    async with journalctl.machine as machine, hosts_of(home, machine) as hosts:

        async def vacuum() -> None:
            journalctl.oldest = 30

        seen = await read_until(hosts, ends_with("line 49"), vacuum)
    assert messages(seen) == [f"line {n}" for n in (*range(20), *range(30, 50))]
    (gap,) = (item for item in seen if isinstance(item, JournalNotice) and item.kind == "gap")
    assert "lines may be missing: the journal of 127.0.0.1" in str(gap.text)
    assert messages(seen[seen.index(gap) :])[0] == "line 30"


async def test_a_reboot_between_two_lines_is_told_where_it_was(home: Home) -> None:
    async def program(process: Process, words: list[str]) -> None:
        process.stdout.write(record(0) + record(1, boot="b1") + record(2, boot="b1"))
        await machine.until_hung_up(process)

    machine = SshMachine(program)
    async with machine, hosts_of(home, machine) as hosts:
        seen = await read_until(hosts, ends_with("line 2"))
    assert [str(i.text if isinstance(i, JournalNotice) else i.message) for i in seen][1:] == [
        "line 0",
        "127.0.0.1 was booted",
        "line 1",
        "line 2",
    ]


async def test_a_cursor_that_journalctl_refuses_is_a_gap_and_the_journal_is_read_anew(
    home: Home,
) -> None:
    async def program(process: Process, words: list[str]) -> None:
        if any(word.startswith("--cursor=") for word in words):
            process.stderr.write(b"Failed to seek to cursor: Invalid argument\n")
            process.exit(1)
            return
        process.stdout.write(record(len(machine.asked)))
        if len(machine.asked) > 1:
            await machine.until_hung_up(process)
        process.exit(0)

    machine = SshMachine(program)
    async with machine, hosts_of(home, machine) as hosts:
        seen = await read_until(hosts, ends_with("line 3"))
    assert kinds(seen).count(NoticeKind.GAP) == 1
    assert messages(seen) == ["line 1", "line 3"]


async def test_one_who_sees_only_his_own_lines_is_told_what_is_missing(home: Home) -> None:
    async def hint(process: Process, words: list[str]) -> None:
        process.stderr.write(
            b"Hint: You are currently not seeing messages from other users and the system.\n"
            b"      Users in groups 'adm', 'systemd-journal' can see all messages.\n"
            b"      Pass -q to turn off this notice.\n"
        )
        await machine.until_hung_up(process)

    machine = SshMachine(hint)
    async with machine, hosts_of(home, machine) as hosts:
        seen = await read_until(hosts, has(NoticeKind.REFUSED))
    assert kinds(seen) == [NoticeKind.CONNECTED, NoticeKind.REFUSED]


# --- read once more --------------------------------------------------------------------------


async def test_a_stretch_is_recalled_whole_with_the_bytes_of_every_record(home: Home) -> None:
    async def program(process: Process, words: list[str]) -> None:
        long = record(1, "x" * 2_000_000)
        process.stdout.write(b"-- Logs begin --\n" + record(0) + long + record(2))
        process.exit(0)

    machine = SshMachine(program)
    async with machine, hosts_of(home, machine) as hosts:
        span = Span(None, "-5min", "now")
        async with hosts.recall(machine_at(), "a.service", span, "s=abc;i=0") as batches:
            records = [record async for batch in batches for record in batch]
    assert [r.entry.cursor for r in records] == ["s=abc;i=0", "s=abc;i=1", "s=abc;i=2"]
    assert json.loads(records[1].json)["MESSAGE"] == "x" * 2_000_000
    (asked,) = machine.asked
    assert asked.endswith(" -a '--cursor=s=abc;i=0' --until=now")


async def test_a_recall_that_fails_says_so_in_the_machines_words(home: Home) -> None:
    async def program(process: Process, words: list[str]) -> None:
        process.stderr.write(b"Failed to parse timestamp: tomorow\n")
        process.exit(1)

    span = Span(None, "tomorow")
    async with (
        SshMachine(program) as machine,
        hosts_of(home, machine) as hosts,
        hosts.recall(machine_at(), "a.service", span) as batches,
    ):
        with pytest.raises(HostUnreachable, match="Failed to parse timestamp: tomorow"):
            await anext(batches)


async def test_journals_are_read_as_root_only_through_sudo(home: Home) -> None:
    journalctl = Journalctl(2)
    async with journalctl.machine as machine, hosts_of(home, machine) as hosts:
        root = root_journals_for(hosts)
        async with asyncio.timeout(20), root.journal(machine_at(), "fleet.service") as batches:
            seen: Seen = []
            await _read_to(batches, "line 1", seen)
    (asked,) = machine.asked
    assert asked.startswith("sudo -n sh -c ")
    assert messages(seen) == ["line 0", "line 1"]


# --- boots: `-f` shows the present one only --------------------------------------------------


class Booted:
    """A journalctl that, following, leaves out what is of older boots; and where it had nothing
    to show, all but the last of the first lines to come: as that of systemd 252 does."""

    def __init__(self) -> None:
        self.boots: list[list[int]] = [[0, 1, 2]]
        """Numbers of the lines of each boot that are kept."""
        self.silent: list[int] = []
        self.machine = SshMachine(self.__call__)

    async def __call__(self, process: Process, words: list[str]) -> None:
        cursor = next((w for w in words if w.startswith("--cursor=")), None)
        first = int(cursor.rpartition("i=")[2], 16) if cursor else 0
        newest = len(self.boots) - 1
        if "-f" in words and not [n for n in self.boots[newest] if n >= first]:
            await until(lambda: len(self.boots[-1]) > len(self.silent))
            process.stdout.write(record(self.boots[-1][-1], boot=f"b{newest}"))
            await self.machine.until_hung_up(process)
            return
        for number, boot in enumerate(self.boots):
            shown = boot if number == newest or "-f" not in words else []
            for line in shown:
                if line >= first:
                    process.stdout.write(record(line, boot=f"b{number}"))
        if "-f" in words:
            await self.machine.until_hung_up(process)
        process.exit(0)


async def test_lines_written_between_a_drop_and_a_reboot_are_not_lost(home: Home) -> None:
    journal = Booted()
    async with journal.machine as machine, hosts_of(home, machine) as hosts:
        task = asyncio.create_task(read_until(hosts, ends_with("line 6")))
        await until(lambda: len(machine.asked) == 2 and machine.running == 1)
        journal.boots = [[0, 1, 2, 3, 4], [5, 6]]
        machine.cut()
        seen = await task
    assert messages(seen) == [f"line {n}" for n in range(7)]
    assert NoticeKind.GAP not in kinds(seen)
    assert kinds(seen).count(NoticeKind.BOOTED) == 1


async def test_a_boot_that_is_over_is_read_and_its_end_is_told(home: Home) -> None:
    journal = Booted()
    async with journal.machine as machine, hosts_of(home, machine) as hosts:
        span = Span(None, boot=-1)
        seen: Seen = []
        async with (
            asyncio.timeout(30),
            hosts.journal(machine_at(), "fleet.service", span) as batches,
        ):
            async for batch in batches:
                seen += batch
                if has(NoticeKind.OVER)(seen):
                    break
    assert messages(seen) == ["line 0", "line 1", "line 2"]
    assert len(machine.asked) == 1
    assert _texts(seen)[0] == "reading fleet.service"
    assert _texts(seen)[-1] == "the end of what was asked for"


async def test_the_first_lines_of_a_new_boot_are_not_lost_to_a_journalctl_that_waited(
    home: Home,
) -> None:
    journal = Booted()
    journal.boots.append([])
    async with journal.machine as machine, hosts_of(home, machine) as hosts:
        task = asyncio.create_task(read_until(hosts, ends_with("line 6")))
        await until(lambda: len(machine.asked) == 2 and machine.running == 1)
        journal.boots[-1] += [3, 4, 5, 6]
        seen = await task
    assert messages(seen) == [f"line {n}" for n in range(7)]
    assert NoticeKind.GAP not in kinds(seen)
    assert kinds(seen).count(NoticeKind.CONNECTED) == 1


async def test_the_first_lines_of_a_unit_that_never_spoke_are_not_lost_either(home: Home) -> None:
    journal = Booted()
    journal.boots = [[]]
    async with journal.machine as machine, hosts_of(home, machine) as hosts:
        task = asyncio.create_task(read_until(hosts, ends_with("line 2")))
        await until(lambda: len(machine.asked) == 2 and machine.running == 1)
        journal.boots[-1] += [0, 1, 2]
        seen = await task
    assert messages(seen) == ["line 0", "line 1", "line 2"]


async def test_what_cannot_be_proven_is_shown_rather_than_read_for_ever(home: Home) -> None:
    async def forgetful(process: Process, words: list[str]) -> None:
        if "-f" not in words:
            process.stdout.write(b"" if len(machine.asked) > 1 else record(0))
            process.exit(0)
            return
        process.stdout.write(record(len(machine.asked)))
        await machine.until_hung_up(process)

    machine = SshMachine(forgetful)
    async with machine, hosts_of(home, machine) as hosts:
        seen = await read_until(hosts, ends_with("line 4"))
    assert messages(seen) == ["line 0", "line 4"]
    assert len(machine.asked) == 4
