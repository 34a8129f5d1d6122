"""What fleet's words mean, told from the values of the registry."""

from datetime import UTC, datetime

import pytest

from fleettui.model.cluster import Machine, Snapshot, TargetState, Unit, UnitState
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted
from fleettui.model.version import parse_version

U = Untrusted
M1, M2 = U("1" * 32), U("2" * 32)


def state(machine_id: Untrusted) -> UnitState:
    return UnitState(machine_id, U("loaded"), U("active"), U("running"), U("ab"), 1)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (None, TargetState.INACTIVE),
        ("", TargetState.INACTIVE),
        ("inactive", TargetState.INACTIVE),
        ("loaded", TargetState.LOADED),
        ("launched", TargetState.LAUNCHED),
        ("Launched", None),
        ("launched\n", None),
    ],
)
def test_the_wanted_state_is_a_word_of_fleet_or_nothing(
    written: str | None, wanted: TargetState | None
) -> None:
    unit = Unit(U("a.service"), target_state=None if written is None else U(written))
    assert unit.wanted is wanted


@pytest.mark.parametrize(
    ("target", "heartbeat", "states", "reached"),
    [
        (None, None, (), TargetState.INACTIVE),
        (None, M1, (state(M1),), TargetState.INACTIVE),
        (M1, M1, (), TargetState.INACTIVE),
        (M1, M1, (state(M2),), TargetState.INACTIVE),
        (M1, None, (state(M1),), TargetState.LOADED),
        (M1, M2, (state(M1), state(M2)), TargetState.LOADED),
        (M1, M1, (state(M1),), TargetState.LAUNCHED),
    ],
)
def test_the_reached_state_follows_target_state_and_heartbeat_as_fleetctl_has_it(
    target: Untrusted | None,
    heartbeat: Untrusted | None,
    states: tuple[UnitState, ...],
    reached: TargetState,
) -> None:
    unit = Unit(U("a.service"), target=target, heartbeat=heartbeat, states=states)
    assert unit.reached is reached


def test_a_unit_is_global_by_its_file_and_not_without_one() -> None:
    assert Unit(U("a.service"), file=UnitFile(U("[X-Fleet]\nGlobal=true\n"))).is_global
    assert not Unit(U("a.service"), file=UnitFile(U("[X-Fleet]\n"))).is_global
    assert not Unit(U("a.service")).is_global


def test_a_machine_is_named_as_fleetctl_names_it_and_by_its_id_when_it_is_gone() -> None:
    machines = {M1: Machine(M1, U("10.0.0.1"))}
    snapshot = Snapshot(1, datetime(2026, 1, 1, tzinfo=UTC), machines)
    assert snapshot.machine_name(M1) == "11111111.../10.0.0.1"
    assert snapshot.machine_name(M2) == "22222222..."


def test_a_hostile_machine_id_is_shown_and_never_obeyed() -> None:
    assert "\x1b" not in Machine(U("\x1b[2J" * 9), U("10.0.0.1")).short_id


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("0.10.2", (0, 10, 2)),
        ("v1.0.0", (1, 0, 0)),
        ("0.11.8+git", (0, 11, 8)),
        ("0.0.0+wasnotbuiltproperly", (0, 0, 0)),
        ("", None),
        ("1.0", None),
        ("1.0.0.1", None),
        ("1.0.00000", None),
        ("x1.0.0", None),
    ],
)
def test_a_version_is_three_numbers_or_none(
    text: str, version: tuple[int, int, int] | None
) -> None:
    assert parse_version(text) == version
