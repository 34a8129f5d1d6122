"""Preflight: all that could stop a repair halfway is told at once, before the first change."""

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cluster_model import World
from msgspec.structs import replace
from repair_cases import FINDING, QUICK, files_in, nobody, planned

from fleettui.access import CommandResult, Ending, HostUnreachable, RegistryUnavailable
from fleettui.model.host import HostFacts
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.preflight import preflight
from fleettui.repair.driving.run import CannotBegin, open_repair
from fleettui.repair.records.outcome import Check, Progress, Told

U = Untrusted
OTHER = LockHolder(
    U("other"), U("bob@lap"), U("b" * 32), U("bar@.service"), datetime.now(UTC), U("delete")
)
ANSWERS, FOLDERS = "the machine answers", "both unit folders are where they should be"
SUDO, QUARANTINE = "root may be had through sudo", "removed files can be kept on the machine"
QUORUM, LEADER = "etcd answers with its quorum", "an engine leads the cluster"
LOCK, DISK = "nobody else repairs", "the record can be written"
ALL = {ANSWERS, FOLDERS, SUDO, QUARANTINE, QUORUM, LEADER, LOCK, DISK}


async def flown(world: World, records: Path) -> dict[str, Check]:
    plan = await planned(World())
    return {check.name: check for check in await preflight(world.operator(), plan, records)}


async def test_all_of_it_is_looked_at_and_nothing_is_left_behind(tmp_path: Path) -> None:
    world = World()
    checks = await flown(world, tmp_path / "repairs")
    assert set(checks) == ALL
    assert all(check.met for check in checks.values())
    assert sorted(world.calls) == ["quarantine", "sudo"]
    assert files_in(tmp_path / "repairs") == []
    assert world.lock is None


def unreachable(world: World) -> None:
    def lose(name: str) -> None:
        if name == "probe":
            raise HostUnreachable("no route to host")

    world.trouble = lose


def no_quorum(world: World) -> None:
    def lose(name: str) -> None:
        if name == "read":
            raise RegistryUnavailable("no quorum")

    world.trouble = lose


def no_sudo(world: World) -> None:
    refusal = CommandResult(Ending.EXITED, 1, b"", b"sudo: a password is required\n")
    world.sabotage = lambda name: refusal if name == "sudo" else None


def full_quarantine(world: World) -> None:
    world.quarantine = "cannot write: No space left on device"


def held(world: World) -> None:
    world.lock = (OTHER, 7)


def unreadable(world: World) -> None:
    world.unreadable = "Permission denied"


def leaderless(world: World) -> None:
    world.leads = False


TROUBLES: list[tuple[Callable[[World], None], set[str], str]] = [
    (unreachable, {ANSWERS, FOLDERS}, "no route to host"),
    (no_quorum, {QUORUM, LEADER}, "no quorum"),
    (no_sudo, {SUDO}, "a password is required"),
    (full_quarantine, {QUARANTINE}, "No space left on device"),
    (held, {LOCK}, "bob@lap repairs bar@.service"),
    (unreadable, {FOLDERS}, "Permission denied"),
    (leaderless, {LEADER}, "no engine leader"),
]


@pytest.mark.parametrize(("trouble", "unmet", "words"), TROUBLES)
async def test_each_trouble_is_told_in_plain_words(
    trouble: Callable[[World], None], unmet: set[str], words: str, tmp_path: Path
) -> None:
    world = World()
    trouble(world)
    checks = await flown(world, tmp_path)
    assert {name for name, check in checks.items() if not check.met} == unmet
    assert any(words in check.detail.raw for check in checks.values() if not check.met)


async def test_all_troubles_are_told_at_once(tmp_path: Path) -> None:
    world = World()
    for trouble in (no_sudo, full_quarantine, held, unreadable, leaderless):
        trouble(world)
    checks = await flown(world, tmp_path)
    assert {c.name for c in checks.values() if not c.met} == ALL - {ANSWERS, QUORUM, DISK}


async def test_another_machine_behind_the_address_is_told(tmp_path: Path) -> None:
    class Impostor(World):
        def facts(self, since: str | None) -> HostFacts:
            return replace(super().facts(since), reported_id=U("f" * 32))

    checks = await flown(Impostor(), tmp_path)
    assert not checks[ANSWERS].met
    assert "another machine" in checks[ANSWERS].detail.raw


async def test_a_repair_that_removes_nothing_needs_no_quarantine(tmp_path: Path) -> None:
    world = World(target_state=None, file=False, link=False)
    plan = await planned(world)
    checks = await preflight(world.operator(), plan, tmp_path)
    assert QUARANTINE not in {check.name for check in checks}


async def test_what_preflight_says_stops_the_repair_before_anything(tmp_path: Path) -> None:
    world, told = World(leads=False), list[Told]()
    plan = await planned(World())
    with pytest.raises(CannotBegin) as stopped:
        await open_repair(world.operator(), FINDING, plan, tmp_path, told.append, QUICK)
    assert ["no engine leader" in reason for reason in stopped.value.reasons] == [True]
    assert {check.name for check in stopped.value.checks} == ALL
    assert isinstance(told[0], Progress)
    assert (world.lock, files_in(tmp_path)) == (None, [])
    assert set(world.calls) <= {"sudo", "quarantine"}


# --- a full disk at the record -------------------------------------------------------------------


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond 1 kB: writes fail as they do where a disk is full.

    No fixture: pytest's own output may be a file as well, and it writes between the phases.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


async def test_a_full_disk_stops_before_the_first_change(tmp_path: Path) -> None:
    world = World()
    plan = await planned(world)
    with full_disk(), pytest.raises(CannotBegin, match="the record can be written: no"):
        await open_repair(world.operator(), FINDING, plan, tmp_path, nobody, QUICK)
    assert set(world.calls) <= {"sudo", "quarantine"}
    assert (world.lock, world.target_state, world.file) == (None, "loaded", True)
    assert files_in(tmp_path) == []
