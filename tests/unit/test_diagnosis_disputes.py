"""What the registry and systemd say differently, found without a look at what did not change."""

from typing import Any

from diagnosis_cases import LOOP, A, B, C, U, facts, line, service, snapshot, state, unit
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.diagnosis.answered import Readings, answered
from fleettui.diagnosis.disputes import disputes
from fleettui.diagnosis.reading import Reading, read
from fleettui.diagnosis.signals import Said
from fleettui.model.cluster import Machine, Snapshot, Unit
from fleettui.model.untrusted import Untrusted

NAMES = [U(f"app{number}.service") for number in range(5)]
MACHINES = (A, B, C)
WORDS = ("loaded active running", "loaded failed failed")

units_say = st.tuples(
    st.sampled_from(NAMES),
    st.lists(st.tuples(st.sampled_from(MACHINES), st.sampled_from(WORDS)), max_size=2),
)
machines_say = st.tuples(
    st.sampled_from(MACHINES),
    st.none() | st.dictionaries(st.sampled_from(NAMES), st.sampled_from(WORDS)),
    st.booleans(),
)


def reading(machine: Machine, said: dict[Untrusted, str], *, loops: bool = False) -> Reading:
    journal = [line(LOOP, seconds) for seconds in (3, 2, 1)] if loops else []
    services = (service(name, words) for name, words in said.items())
    return read(facts(machine, *services, journal=journal))


def compared(seen: Snapshot, readings: Readings) -> set[Untrusted]:
    """All of them, each state with its machine's word."""
    return {
        unit.name
        for unit in seen.units.values()
        for state in unit.states
        if (asked := readings.get(state.machine_id)) is not None
        and not asked.loops
        and (said := asked.facts.services.get(unit.name)) is not None
        and (said.active, said.sub) != (state.active, state.sub)
    }


@settings(deadline=None)
@given(st.lists(units_say | machines_say, max_size=25))
def test_going_on_finds_what_beginning_anew_would(steps: list[tuple[Any, ...]]) -> None:
    units: dict[Untrusted, Unit] = {}
    readings: Readings = {}
    for step in steps:
        match step:
            case Machine() as machine, None, _:
                readings = {m: r for m, r in readings.items() if m != machine.id}
            case Machine() as machine, said, loops:
                readings = {**readings, machine.id: reading(machine, said, loops=loops)}
            case name, []:
                units = {known: unit for known, unit in units.items() if known != name}
            case name, told:
                states = tuple(state(machine, words) for machine, words in dict(told).items())
                units = {**units, name: unit(name, *states)}
        seen = snapshot(*(units[name] for name in sorted(units)))
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
