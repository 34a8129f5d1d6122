"""The journal pane on real machines: journald, sshd and sudo as they are."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from driving import until, when
from faults.clocks import build_clock
from journal_pane import PaneApp
from textual.pilot import Pilot

from fleettui.hosts.connect import SshHosts, connect_hosts, root_journals_for
from fleettui.hosts.settings import HostSettings
from fleettui.journal.columns import Code
from fleettui.journal.ring import Line
from fleettui.journal.sources import Source
from fleettui.model.clock import now
from fleettui.model.cluster import Link, RegistryView, Snapshot
from fleettui.model.cluster import Machine as Member
from fleettui.model.host import NoticeKind, Span
from fleettui.model.untrusted import Untrusted
from fleettui.ui.picture import Picture
from fleettui.ui.widgets.journal import JournalPane

from .conftest import Lab
from .machines import USER, Machine, MachineSpec
from .operator_ssh import OperatorSsh
from .shell import wait_until
from .talker import UNIT, Talker

pytestmark = pytest.mark.timeout(240)
"""Machines boot again under a running tail."""


@pytest.fixture(scope="module")
def talker(bare: Machine) -> Talker:
    talker = Talker(bare)
    talker.start()
    return talker


@pytest.fixture(scope="module")
def ahead(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Talker]:
    """A machine whose journald and whose `date` are an hour ahead."""
    clock = build_clock(tmp_path_factory.mktemp("clock"))
    if clock is None:  # containers share the kernel's clock, and nothing else can shift it
        pytest.skip("no C compiler: without one no machine of the lab can have a clock of its own")
    machine = Machine(MachineSpec(8), lab.island, lab.base)
    machine.put("/home/core/.ssh/authorized_keys", lab.authorized)
    machine.put("/opt/clock.so", "")
    machine.disk("/opt/clock.so").write_bytes(clock.read_bytes())
    drop_in = "/etc/systemd/system/systemd-journald.service.d/clock.conf"
    machine.put(drop_in, "[Service]\nEnvironment=LD_PRELOAD=/opt/clock.so\n")
    date = '#!/bin/sh\nLD_PRELOAD=/opt/clock.so exec /bin/date "$@"\n'
    machine.put("/usr/local/bin/date", date, mode=0o755)
    machine.switch_on()
    machine.wait_for_boot()
    talker = Talker(machine)
    talker.start()
    yield talker
    machine.scrap()


def member(machine: Machine) -> Member:
    """A machine as the registry would have it."""
    return Member(Untrusted(machine.machine_id), Untrusted(machine.address))


@asynccontextmanager
async def hosts_of(lab: Lab, folder: Path, *machines: Machine) -> AsyncIterator[SshHosts]:
    ssh = OperatorSsh(lab.key, machines, folder / "known_hosts")
    settings = HostSettings(
        username=USER,
        port=22,
        identities=(lab.key,),
        known_hosts_file=ssh.known_hosts,
        remember=False,
        openssh_file=folder / "none",
        ssh_config=folder / "none",
    )
    hosts = connect_hosts(settings)
    try:
        yield hosts
    finally:
        await hosts.close()


@asynccontextmanager
async def pane_on(
    hosts: SshHosts, *machines: Machine, unit: str = UNIT
) -> AsyncIterator[tuple[Pilot[None], JournalPane]]:
    """The pane on one machine, or on several merged."""
    pane = JournalPane(hosts, id="journal", keep_in=None, root=root_journals_for(hosts))
    async with PaneApp(pane).run_test(size=(160, 50), notifications=True) as pilot:
        pane.focus()
        pane.watch_all(Source(member(machine), unit) for machine in machines)
        yield pilot, pane


def lines(pane: JournalPane) -> list[Line]:
    return [pane.view.line(place) for place in pane.view.forward()]


def texts(pane: JournalPane) -> list[str]:
    return [line.message.raw for line in lines(pane) if line.code is not Code.RULE]


def notices(pane: JournalPane) -> list[NoticeKind | None]:
    return [line.origin.notice for line in lines(pane) if line.code is Code.RULE]


async def none_is_left_on(machine: Machine) -> None:
    """Return once no tail runs there for half a second: one may just have been beginning."""
    looks: list[int] = []

    def none_lately() -> bool:
        looks.append(machine.followers())
        return len(looks) >= 10 and not any(looks[-10:])

    await when(none_lately, "no tail is left", within=5)


async def test_rotation_under_a_running_tail_loses_no_line(
    lab: Lab, talker: Talker, tmp_path: Path
) -> None:
    async with (
        hosts_of(lab, tmp_path, talker.machine) as hosts,
        pane_on(hosts, talker.machine) as (_, pane),
    ):
        await when(lambda: NoticeKind.CONNECTED in notices(pane), "the journal is followed")
        for number in range(10):
            talker.say(*(f"rotated {number * 20 + n}" for n in range(20)))
            await asyncio.to_thread(talker.machine.run, "journalctl", "--rotate")
        wanted = [f"rotated {n}" for n in range(200)]
        await when(lambda: texts(pane)[-1:] == wanted[-1:], "the last line")
        assert [text for text in texts(pane) if text.startswith("rotated")] == wanted
        assert NoticeKind.GAP not in notices(pane)


async def test_a_dropped_line_resumes_at_the_cursor_over_a_rotation(
    lab: Lab, talker: Talker, tmp_path: Path
) -> None:
    async with (
        hosts_of(lab, tmp_path, talker.machine) as hosts,
        pane_on(hosts, talker.machine) as (_, pane),
    ):
        talker.say("before the drop")
        await when(lambda: "before the drop" in texts(pane), "the first line")
        await asyncio.to_thread(talker.machine.stop_sshd)
        talker.say(*(f"while away {n}" for n in range(30)))
        await asyncio.to_thread(talker.machine.run, "journalctl", "--rotate")
        talker.say("last of it")
        await asyncio.to_thread(talker.machine.start_sshd)
        await when(lambda: "last of it" in texts(pane), "the last line")
        told = texts(pane)
        away = [f"while away {n}" for n in range(30)]
        assert told[told.index("before the drop") :] == ["before the drop", *away, "last of it"]
        assert NoticeKind.GAP not in notices(pane)
        assert NoticeKind.LOST in notices(pane)


async def test_a_vacuumed_place_is_a_gap_that_is_told(
    lab: Lab, talker: Talker, tmp_path: Path
) -> None:
    machine = talker.machine
    async with hosts_of(lab, tmp_path, machine) as hosts, pane_on(hosts, machine) as (pilot, pane):
        talker.say("kept by us alone")
        await when(lambda: "kept by us alone" in texts(pane), "the first line")
        await asyncio.to_thread(machine.stop_sshd)
        talker.say("never seen")
        wait_until(lambda: "never seen" in talker_words(machine) or None, "the journal to have it")
        machine.run("journalctl", "--rotate")
        machine.run("journalctl", "--vacuum-files=1")
        assert "never seen" not in talker_words(machine)
        talker.say("after the vacuum")
        await asyncio.to_thread(machine.start_sshd)
        await when(lambda: "after the vacuum" in texts(pane), "the line after it")
        assert notices(pane).count(NoticeKind.GAP) == 1
        await until(pilot, "lines may be missing")
        told = texts(pane)
        assert told[told.index("kept by us alone") :] == ["kept by us alone", "after the vacuum"]


def talker_words(machine: Machine) -> str:
    return machine.run("journalctl", "-u", UNIT, "-o", "cat", "--no-pager", "-q")


async def test_a_reboot_under_a_running_tail_is_told_and_the_new_boot_is_followed(
    lab: Lab, talker: Talker, tmp_path: Path
) -> None:
    machine = talker.machine
    keep_journal(talker, where="volatile")
    async with hosts_of(lab, tmp_path, machine) as hosts, pane_on(hosts, machine) as (_, pane):
        talker.say("in the old boot")
        await when(lambda: "in the old boot" in texts(pane), "the old boot")
        await when(lambda: machine.followers() == 1, "the journal is followed")
        await asyncio.to_thread(machine.unplug)
        machine.switch_on()
        await asyncio.to_thread(machine.wait_for_boot)
        await asyncio.to_thread(talker.start)
        talker.say("in the new boot")
        await when(lambda: "in the new boot" in texts(pane), "the new boot")
        told = [n for n in notices(pane) if n in {NoticeKind.GAP, NoticeKind.BOOTED}]
        assert told == [NoticeKind.GAP, NoticeKind.BOOTED]
        boots = {line.origin.boot_id for line in lines(pane) if line.code is not Code.RULE}
        assert len(boots) == 2


def keep_journal(talker: Talker, *, where: str) -> None:
    """Have the machine's journal on its disk (persistent) or in its memory (volatile)."""
    talker.machine.put("/etc/systemd/journald.conf.d/kept.conf", f"[Journal]\nStorage={where}\n")
    talker.machine.run("systemctl", "restart", "systemd-journald.service")
    talker.machine.run("journalctl", "--flush")
    talker.start()


async def test_a_reboot_with_a_kept_journal_has_no_gap_and_both_boots_can_be_read(
    lab: Lab, talker: Talker, tmp_path: Path
) -> None:
    machine = talker.machine
    keep_journal(talker, where="persistent")
    async with hosts_of(lab, tmp_path, machine) as hosts, pane_on(hosts, machine) as (pilot, pane):
        talker.say("before it was shut down")
        await when(lambda: "before it was shut down" in texts(pane), "the old boot")
        await asyncio.to_thread(machine.stop_sshd)
        talker.say("while nobody listened")
        wait_until(lambda: "nobody" in talker_words(machine) or None, "the journal to have it")
        await asyncio.to_thread(machine.shut_down)
        machine.switch_on()
        await asyncio.to_thread(machine.wait_for_boot)
        await asyncio.to_thread(talker.start)
        talker.say("and after it")
        await when(lambda: "and after it" in texts(pane), "the new boot")
        told = notices(pane)
        since = told[told.index(NoticeKind.LOST) :]
        assert (since.count(NoticeKind.BOOTED), since.count(NoticeKind.GAP)) == (1, 0)
        assert texts(pane).count("while nobody listened") == 1
        await pilot.press("b")
        await until(pilot, "the boot before", within=20)
        await when(lambda: "before it was shut down" in texts(pane), "the boot before")
        assert "and after it" not in texts(pane)


async def test_binary_and_huge_messages_come_whole_and_hurt_no_other_line(
    lab: Lab, talker: Talker, tmp_path: Path
) -> None:
    machine = talker.machine
    huge = b"huge " + b"x" * 1_000_000 + b" end"
    async with hosts_of(lab, tmp_path, machine) as hosts, pane_on(hosts, machine) as (pilot, pane):
        await when(lambda: NoticeKind.CONNECTED in notices(pane), "the journal is followed")
        talker.say("first", b"bin \x01\xff\xfe\x80 ary", b"esc \x1b[31m")
        wait_until(lambda: "esc" in talker_words(machine) or None, "the binary line")
        await asyncio.to_thread(talker.say_whole, huge)
        wait_until(lambda: machine_has(machine, huge) or None, "the huge line")
        talker.say("last")
        await when(lambda: texts(pane)[-1:] == ["last"], "the line behind them")
        told = texts(pane)
        begin = told.index("first")
        assert told[begin + 1] == "bin \x01\\xff\\xfe\\x80 ary"
        assert told[begin + 2] == "esc \x1b[31m"
        assert "over 4096 bytes" in told[begin + 3]
        line = next(line for line in lines(pane) if "over 4096 bytes" in line.message.raw)
        async with hosts.recall(member(machine), UNIT, Span(lines=1), line.cursor) as batches:
            (record,) = [r async for batch in batches for r in batch]
        assert huge in record.json
        await pilot.press("k", "enter")
        await until(pilot, "MESSAGE  huge")


def machine_has(machine: Machine, message: bytes) -> bool:
    return message.decode() in machine.run("journalctl", "-a", "-o", "cat", "--no-pager", "-q")


async def test_after_fifty_tails_none_is_left_on_the_machine(
    lab: Lab, talker: Talker, tmp_path: Path
) -> None:
    machine = talker.machine
    async with hosts_of(lab, tmp_path, machine) as hosts, pane_on(hosts, machine) as (_, pane):
        for number in range(50):
            unit = "ssh.service" if number % 2 else UNIT
            pane.watch_machine(member(machine), unit)
            await when(lambda: NoticeKind.CONNECTED in notices(pane), "a tail begins")
        pane.watch_machine(None)
        await none_is_left_on(machine)
        pane.watch_machine(member(machine), UNIT)
        await when(lambda: machine.followers() == 1, "one more tail")
    await none_is_left_on(machine)


KILLED = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[5:]
from journal_pane import PaneApp
from fleettui.hosts.connect import connect_hosts, root_journals_for
from fleettui.hosts.settings import HostSettings
from fleettui.journal.sources import Source
from fleettui.model.cluster import Machine
from fleettui.model.untrusted import Untrusted
from fleettui.ui.widgets.journal import JournalPane

key, known, address, root = sys.argv[1:5]
settings = HostSettings(port=22, identities=(Path(key),), known_hosts_file=Path(known),
    remember=False, openssh_file=Path("/none"), ssh_config=Path("/none"))
machine = Machine(Untrusted("a" * 32), Untrusted(address))
units = ("talker.service", "ssh.service", "cron.service")


async def main():
    hosts = connect_hosts(settings)
    reader = root_journals_for(hosts) if root == "root" else hosts
    pane = JournalPane(reader, id="journal", keep_in=None)
    async with PaneApp(pane).run_test():
        pane.watch_all(Source(machine, unit) for unit in units)
        while pane.received == 0:
            await asyncio.sleep(0.05)
        sys.stdout.write("following\\n")
        sys.stdout.flush()
        await asyncio.sleep(300)


asyncio.run(main())
"""


@pytest.mark.parametrize("as_whom", ["user", "root"])
def test_a_killed_app_leaves_no_tail_on_the_machine(
    lab: Lab, talker: Talker, tmp_path: Path, as_whom: str
) -> None:
    machine = talker.machine
    talker.say("something to show")
    known = OperatorSsh(lab.key, [machine], tmp_path / "known_hosts").known_hosts
    tests = Path(__file__).parents[1]
    argv = [sys.executable, "-c", KILLED, str(lab.key), str(known), machine.address, as_whom]
    argv += [str(tests / "ui"), str(tests.parent)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as app:
        assert app.stdout is not None
        assert app.stdout.readline() == b"following\n"
        wait_until(lambda: machine.followers() == 3, "three tails")
        app.kill()
        wait_until(lambda: machine.followers() == 0, "every tail to end", within=5)


async def test_who_may_not_read_is_told_whom_to_ask_and_an_operator_may_use_sudo(
    lab: Lab, talker: Talker, tmp_path: Path
) -> None:
    machine = talker.machine
    talker.say("for those who may read")
    machine.run("gpasswd", "--delete", USER, "systemd-journal")
    try:
        async with (
            hosts_of(lab, tmp_path, machine) as hosts,
            pane_on(hosts, machine) as (pilot, pane),
        ):
            await until(
                pilot, f"core is not in group systemd-journal on {machine.address}", within=20
            )
            await until(pilot, "S reads this journal through sudo")
            await pilot.press("S")
            await until(pilot, "as root", within=20)
            await when(lambda: "for those who may read" in texts(pane), "the journal through sudo")
            pane.watch_machine(None)
            await none_is_left_on(machine)
    finally:
        machine.run("gpasswd", "--add", USER, "systemd-journal")


async def test_a_clock_an_hour_ahead_is_named_and_merged_as_if_it_were_right(
    lab: Lab, talker: Talker, ahead: Talker, tmp_path: Path
) -> None:
    machines = (talker.machine, ahead.machine)
    async with (
        hosts_of(lab, tmp_path, *machines) as hosts,
        pane_on(hosts, *machines) as (pilot, pane),
    ):
        listed = Snapshot(1, now(), {member(m).id: member(m) for m in machines})
        picture = Picture().with_view(RegistryView(Link.LIVE, now(), listed))
        told = [(await hosts.probe(member(machine)), member(machine)) for machine in machines]
        pane.picture = picture.with_reports(told)
        await when(lambda: notices(pane).count(NoticeKind.CONNECTED) == 2, "both are followed")
        for number in range(5):
            for said in (talker, ahead):
                said.say(f"turn {number} of {said.machine.name}")
                last = f"turn {number} of {said.machine.name}"
                await when(lambda: last in texts(pane), last)  # noqa: B023 - awaited here
        await until(pilot, f"{ahead.machine.name}'s clock is 60 min ahead")
        turns = [text for text in texts(pane) if text.startswith("turn")]
        names = (talker.machine.name, ahead.machine.name)
        assert turns == [f"turn {n} of {name}" for n in range(5) for name in names]
        first, second = (next(x for x in lines(pane) if x.message.raw == t) for t in turns[:2])
        assert second.at - first.at > timedelta(minutes=59)  # shown as the machine has it
