"""What is watched around a restart: units that go and come back, and the silence of the fault."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import machine_model
import pytest
from cluster_model import HELLO, MACHINE, TEMPLATE, U, World
from msgspec import structs
from repair_cases import STAGES, opened, past_of, performed, yes

from fleettui.model.cluster import Machine, Snapshot, Unit, UnitState
from fleettui.model.host import (
    FLEET_SERVICE,
    ChangeKind,
    HostFacts,
    JournalEntry,
    ServiceFacts,
    UnitChange,
)
from fleettui.repair.driving.returns import Returns
from fleettui.repair.driving.silence import Silence
from fleettui.repair.planning.action import Stage, Way
from fleettui.repair.records.before import Before, before_from_json, before_of
from fleettui.repair.records.outcome import Progress, Result, Return, Told, UnitReturn

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
OTHER = Machine(U("b" * 32), U("10.0.0.2"))
BEFORE = Before(T0, 50, 100, {HELLO: 200}, "s=0", T0)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def facts(clock: float, active: str = "active", pid: int = 200) -> HostFacts:
    """What a probe says of hello.service."""
    hello = ServiceFacts(HELLO, U("loaded"), U(active), U("x"), pid)
    return HostFacts(MACHINE.id, at(clock), at(clock), MACHINE.id, U("h"), {}, {HELLO: hello}, ())


def cluster(target: Machine = MACHINE, active: str = "active") -> Snapshot:
    state = UnitState(target.id, U("loaded"), U(active), U("x"), U("ab"), 60)
    unit = Unit(HELLO, "ab", U("launched"), target.id, target.id, (state,))
    return Snapshot(70, T0, {m.id: m for m in (MACHINE, OTHER)}, {HELLO: unit})


def change(kind: ChangeKind, seconds: float) -> UnitChange:
    return UnitChange(HELLO, kind, at(seconds))


WENT = (change(ChangeKind.STOPPING, 1), change(ChangeKind.STOPPED, 1.5))
CAME = (change(ChangeKind.STARTING, 3), change(ChangeKind.STARTED, 4.25))


# --- units ---------------------------------------------------------------------------------------

CASES = [
    ("nothing happened", (), facts(9), cluster(), UnitReturn(HELLO, Return.UNCHANGED)),
    (
        "on its way out",
        WENT[:1],
        facts(2, "deactivating"),
        cluster(),
        UnitReturn(HELLO, Return.STOPPING, 1.0),
    ),
    ("gone", WENT, facts(3, "inactive", 0), cluster(), UnitReturn(HELLO, Return.AWAY, 2.0)),
    (
        "pulling its image",
        WENT,
        facts(61, "activating", 0),
        cluster(),
        UnitReturn(HELLO, Return.AWAY, 60.0),
    ),
    ("back", WENT + CAME, facts(9, pid=201), cluster(), UnitReturn(HELLO, Return.BACK, 3.25)),
    (
        "back, and its process has the old number",
        WENT + CAME,
        facts(9),
        cluster(),
        UnitReturn(HELLO, Return.BACK, 3.25),
    ),
    (
        "back, and no line says when",
        (),
        facts(9, pid=201),
        cluster(),
        UnitReturn(HELLO, Return.BACK),
    ),
    (
        "away twice",
        (*WENT, *CAME, change(ChangeKind.FAILED, 5), change(ChangeKind.STARTED, 6)),
        facts(9, pid=202),
        cluster(),
        UnitReturn(HELLO, Return.BACK, 4.25),
    ),
    (
        "another machine has it",
        WENT,
        facts(6, "inactive", 0),
        cluster(OTHER),
        UnitReturn(HELLO, Return.MOVED, 5.0, "bbbbbbbb.../10.0.0.2"),
    ),
    (
        "sent to another machine, which has not started it",
        WENT,
        facts(6, "inactive", 0),
        cluster(OTHER, "inactive"),
        UnitReturn(HELLO, Return.AWAY, 5.0),
    ),
    (
        "what systemd did before",
        (change(ChangeKind.STOPPING, -0.5), change(ChangeKind.STARTED, -0.2)),
        facts(9),
        cluster(),
        UnitReturn(HELLO, Return.UNCHANGED),
    ),
]


@pytest.mark.parametrize(
    ("changes", "seen", "snapshot", "told"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_a_unit_is_told_as_systemd_and_the_registry_say(
    changes: tuple[UnitChange, ...], seen: HostFacts, snapshot: Snapshot, told: UnitReturn
) -> None:
    returns = Returns(BEFORE, MACHINE)
    assert returns.look(changes, seen, snapshot) == (told,)
    assert returns.check().met is (told.state not in {Return.AWAY, Return.STOPPING})
    assert bool(returns.absences) is (told.state is not Return.UNCHANGED)


def test_a_unit_that_was_still_coming_up_before_was_not_interrupted_by_coming_up() -> None:
    returns = Returns(replace(BEFORE, running={HELLO: 0}), MACHINE)
    came = CAME[-1:]
    assert returns.look(came, facts(9, pid=201), cluster()) == (
        UnitReturn(HELLO, Return.UNCHANGED),
    )
    assert returns.absences == ()
    (told,) = returns.look((*WENT, *CAME), facts(9, pid=201), cluster())
    assert told.state is Return.BACK, "stopped and started it was"


def test_the_absence_of_a_unit_that_moved_ends_when_it_is_first_seen_elsewhere() -> None:
    returns = Returns(BEFORE, MACHINE)
    for clock in (6, 60):
        (told,) = returns.look(WENT, facts(clock, "inactive", 0), cluster(OTHER))
        assert told.away == 5.0
    (absence,) = returns.absences
    assert (absence.since, absence.seconds, absence.is_over) == (at(1), 5.0, True)


async def test_units_are_told_live_while_they_come_back(tmp_path: Path) -> None:
    world, told = World(), list[Told]()
    repair = await opened(world, tmp_path, tell=told.append)
    repair.choose(Way.FULL)
    began = world.begin_fleetd

    def slowly() -> None:
        world.hello = ("loaded", "inactive", "dead")
        began()

    world.begin_fleetd = slowly  # type: ignore[method-assign]  # a unit that takes its time

    def come_back(name: str) -> None:
        if name == "changes" and len(watched()) == 3:
            world.hello = ("loaded", "active", "running")

    def watched() -> list[Return]:
        progress = [news for news in told if isinstance(news, Progress) and news.returns]
        return [news.returns[0].state for news in progress]

    world.trouble = come_back
    outcomes = await performed(repair, *STAGES)
    assert outcomes[-1].result is Result.DONE
    assert watched()[0] is Return.AWAY
    assert watched()[-1] is Return.BACK


async def test_a_unit_that_does_not_come_back_is_named_and_not_waited_for_for_ever(
    tmp_path: Path,
) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    repair.choose(Way.FULL)
    restart = world.restart_hello

    def for_good() -> None:
        restart()
        world.hello = ("loaded", "failed", "failed")

    world.restart_hello = for_good  # type: ignore[method-assign]  # a unit that breaks
    outcomes = await performed(repair, *STAGES)
    assert outcomes[-1].result is Result.DONE
    assert "hello.service is not back yet" in outcomes[-1].said.raw
    assert "away: hello.service" in (await repair.verify()).said.raw
    (absence,) = [e.facts["units"] for e in past_of(repair).events if e.name == "absences"][-1]
    assert (absence["unit"], absence["is_over"], absence["seconds"]) == (HELLO.raw, False, None)


# --- silence -------------------------------------------------------------------------------------


def line(number: int, seconds: float, message: str = "INFO: fine") -> JournalEntry:
    text = U(message)
    return JournalEntry(f"s={number}", at(seconds), text, 6, U(FLEET_SERVICE), U("fleetd"), 900)


FAULT = machine_model.FAULT.format(TEMPLATE.raw)
START = line(1, 1)


def heard(clock: float, *lines: JournalEntry, began: float = 1) -> HostFacts:
    name = U(FLEET_SERVICE)
    fleet = ServiceFacts(name, U("loaded"), U("active"), U("running"), 900, since=at(began))
    return structs.replace(facts(clock), services={name: fleet}, journal=lines)


def said(silence: Silence, seen: HostFacts) -> tuple[bool, bool]:
    """Whether the journal was read whole, and whether it was quiet for 12 s."""
    silence.since(seen.clock)
    silence.hear(seen)
    whole, quiet = silence.check(seen, 12)
    return whole.met, quiet.met


def test_silence_counts_from_the_start_of_the_new_fleetd() -> None:
    silence = Silence(BEFORE)
    assert said(silence, heard(12, line(0, 0), START)) == (True, False)
    assert said(silence, heard(14, START)) == (True, True)


def test_a_line_of_the_fault_begins_the_silence_anew() -> None:
    silence = Silence(BEFORE)
    assert said(silence, heard(20, line(0, 0), START, line(2, 15, FAULT))) == (True, False)
    assert said(silence, heard(26, line(2, 15, FAULT))) == (True, False)
    assert said(silence, heard(28, line(2, 15, FAULT))) == (True, True)


def test_every_reading_reaches_back_to_the_last_line_that_is_known() -> None:
    silence = Silence(BEFORE)
    assert silence.since(at(5)) == "15 s ago"
    silence.hear(heard(5, line(0, 0), START, line(2, 4)))
    assert silence.since(at(7)) == "13 s ago"


def test_lines_that_were_missed_are_looked_for_further_back_and_found() -> None:
    silence = Silence(BEFORE)
    assert said(silence, heard(20, START)) == (False, False)
    assert silence.since(at(21)) == "300 s ago"
    assert said(silence, heard(21, line(0, 0), START)) == (True, True)


def test_lines_that_are_gone_leave_a_gap_that_proves_nothing() -> None:
    silence, late = Silence(BEFORE), line(9, 30)
    for clock in (31, 32, 33, 34, 35, 36):
        assert said(silence, heard(clock, late))[0] is False
    whole, _ = silence.check(heard(50, late), 12)
    assert "nobody knows what they said" in whole.detail.raw
    silence.begin_anew()
    assert said(silence, heard(60, late)) == (True, True)


def test_a_journal_that_cannot_be_read_says_nothing() -> None:
    silence = Silence(BEFORE)
    unread = structs.replace(heard(60), journal_problem=U("No journal files were found."))
    assert said(silence, unread) == (False, False)


def test_a_new_fleetd_that_has_said_nothing_yet_is_not_silent() -> None:
    last_words = structs.replace(line(1, 1), pid=100)
    assert said(Silence(BEFORE), heard(60, line(0, 0), last_words)) == (True, False)


def test_where_there_was_no_line_before_all_lines_came_since() -> None:
    silence = Silence(replace(BEFORE, cursor="", cursor_at=None))
    assert said(silence, heard(20, START)) == (True, True)


async def test_noise_between_two_readings_does_not_hide_the_fault(tmp_path: Path) -> None:
    """More lines than a probe shows by itself: the fault is told by its cursor all the same."""
    world = World()
    repair = await opened(world, tmp_path)
    await performed(repair, *STAGES)
    noisy = world.live

    def live(span: timedelta) -> None:
        noisy(span)
        world.say(FAULT)
        for _ in range(80):
            world.say("INFO client.go:292: noise")

    world.live = live  # type: ignore[method-assign]  # a fleetd that talks a lot
    outcome = await repair.verify()
    assert outcome.result is Result.FAILED
    assert "12 s without a line of the fault: quiet for 0 s" in outcome.said.raw


# --- what is written down ------------------------------------------------------------------------


async def test_what_was_before_comes_back_from_the_record() -> None:
    world = World()
    before = before_of(await world.probe(MACHINE), 7)
    assert before.running == {HELLO: 200}
    assert before.cursor == world.lines[-1].cursor
    assert before_from_json(before.as_json()) == before


@pytest.mark.parametrize("broken", [None, {}, {"machine_at": "x"}, []])
def test_what_is_no_before_is_refused(broken: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its words are msgspec's
        before_from_json(broken)


async def test_a_gentle_restart_that_hits_a_unit_is_told(tmp_path: Path) -> None:
    world = World()
    repair = await opened(world, tmp_path)
    await performed(repair, Stage.DELETE, Stage.RELOAD)

    def die(name: str) -> None:
        if name == "kill":
            world.restart_hello()

    world.after = die
    outcome = await repair.perform(yes(repair.plan, Stage.RESTART))
    assert "restarted with it (1 of 1): hello.service after 2.0 s" in outcome.said.raw
    assert repair.interrupted == (HELLO,)
