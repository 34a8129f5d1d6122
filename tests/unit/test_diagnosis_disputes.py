"""What the registry and systemd say differently, found without a look at what did not change."""

from typing import Any

from diagnosis_cases import LOOP, NOW, A, B, C, U, ago, facts, line, service, snapshot, state, unit
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleettui.diagnosis.answered import Readings, answered
from fleettui.diagnosis.disputes import disputes
from fleettui.diagnosis.reading import Reading, beside, read
from fleettui.diagnosis.signals import Said
from fleettui.model.cluster import Machine, Snapshot, Unit, UnitState
from fleettui.model.untrusted import Untrusted

NAMES = [U(f"app{number}.service") for number in range(3)]
MACHINES = (A, B, C)
WORDS = ("loaded active running", "loaded failed failed", "loaded activating start")

units_say = st.tuples(
    st.sampled_from(NAMES),
    st.lists(st.tuples(st.sampled_from(MACHINES), st.sampled_from(WORDS)), max_size=2),
)
seconds_ago = st.integers(0, 2)
machines_say = st.tuples(
    st.sampled_from(MACHINES),
    st.none() | st.dictionaries(st.sampled_from(NAMES), st.sampled_from(WORDS)),
    st.booleans(),
    seconds_ago,
)


def reading(
    machine: Machine, said: dict[Untrusted, str], *, loops: bool = False, seconds: int = 0
) -> Reading:
    journal = [line(LOOP, seconds) for seconds in (3, 2, 1)] if loops else []
    services = (service(name, words) for name, words in said.items())
    return read(facts(machine, *services, journal=journal, taken_at=ago(seconds)))


def compared(seen: Snapshot, readings: Readings) -> set[Untrusted]:
    """All of them, each state with its machine's word and with the registry's of that time; what
    has just begun does not stay so."""
    return {
        unit.name
        for unit in seen.units.values()
        for state in unit.states
        if (asked := readings.get(state.machine_id)) is not None
        and not asked.loops
        and (said := asked.facts.services.get(unit.name)) is not None
        and said.active.raw != "activating"
        and (said.active, said.sub) != (state.active, state.sub)
        and (seen.read_at <= asked.facts.taken_at or said_then(unit, state, asked))
    }


def said_then(unit: Unit, state: UnitState, asked: Reading) -> bool:
    """Whether the registry said so when the machine was asked."""
    then = asked.beside
    words = (state.active.raw, state.sub.raw)
    return then is not None and then.words.get(unit.name.raw) == words


@settings(deadline=None, max_examples=400)
@given(st.lists(units_say | machines_say | seconds_ago, max_size=25))
def test_going_on_finds_what_beginning_anew_would(steps: list[tuple[Any, ...] | int]) -> None:
    units: dict[Untrusted, Unit] = {}
    readings: Readings = {}
    seen = snapshot()
    read_at = NOW
    for step in steps:
        match step:
            case int(seconds):
                read_at = ago(seconds)
            case Machine() as machine, None, _, _:
                readings = {m: r for m, r in readings.items() if m != machine.id}
            case Machine() as machine, said, loops, seconds:
                told = reading(machine, said, loops=loops, seconds=seconds)
                told = replace(told, beside=beside(told.facts, seen))
                readings = {**readings, machine.id: told}
            case name, []:
                units = {known: unit for known, unit in units.items() if known != name}
            case name, stated:
                states = tuple(state(machine, words) for machine, words in dict(stated).items())
                units = {**units, name: unit(name, *states)}
        seen = snapshot(*(units[name] for name in sorted(units)), at=read_at)
        assert disputes(seen, readings) == compared(seen, readings)


class Asked(dict[Untrusted, Reading]):
    """Counts how often the reading of a machine is asked for."""

    count = 0

    def get(self, *key: Any) -> Any:
        self.count += 1
        return super().get(*key)


def test_a_view_of_many_units_compares_the_one_that_changed() -> None:
    names = [U(f"app{number:04}.service") for number in range(1000)]
    units = {name: unit(name, state(B, WORDS[number % 2])) for number, name in enumerate(names)}
    readings = Asked({B.id: reading(B, dict.fromkeys(names, WORDS[0]))})
    assert len(disputes(snapshot(*units.values()), readings)) == 500
    before = readings.count
    units[names[0]] = unit(names[0], state(B, WORDS[1]))
    assert len(disputes(snapshot(*units.values()), readings)) == 501
    assert readings.count == before + 1


def test_what_was_asked_before_the_registry_said_it_is_compared_no_more() -> None:
    """In a storm that is nearly all: each view would look at all of it again."""
    names = [U(f"app{number:04}.service") for number in range(1000)]
    units = {name: unit(name, state(B, WORDS[0])) for name in names}
    readings = Asked({B.id: reading(B, dict.fromkeys(names, WORDS[1]), seconds=2)})
    assert len(disputes(snapshot(*units.values(), at=ago(2)), readings)) == 1000
    assert not disputes(snapshot(*units.values(), at=ago(1)), readings)
    before = readings.count
    assert not disputes(snapshot(*units.values(), at=NOW), readings)
    assert readings.count == before
    assert len(disputes(snapshot(*units.values(), at=ago(2)), readings)) == 1000  # in a recording


def test_what_stands_out_in_answers() -> None:
    orphan = line("INFO job.go:1: No Unit found in Registry for Job(export.service)", 9)
    loop = (line(LOOP, seconds) for seconds in (3, 2, 1))
    broken = read(facts(B, journal=[orphan, *loop]))
    outdated = read(facts(C, service(needs_reload=True), reported_id=A.id))
    readings = {A.id: read(facts(A)), B.id: broken, C.id: outdated}
    found = answered(readings)
    assert found.shared_ids == {A.id}
    assert found.outdated.keys() == {C.id}
    assert found.with_templates.keys() == {B.id}
    assert not found.noisy
    assert found.said == {Said.NO_UNIT: {B.id}}
    assert answered(readings) is found
