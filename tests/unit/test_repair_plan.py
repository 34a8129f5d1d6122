"""What is planned against a loaded template: how it is restarted, and what is shown before it."""

from collections.abc import Iterator

import pytest
from cluster_model import HELLO, MACHINE, SHA256, TEMPLATE, World
from msgspec import structs
from msgspec.structs import replace
from repair_cases import planned, planned_from

from fleettui.model.cluster import TargetState
from fleettui.model.host import FLEET_UNITS
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import (
    RemoveFile,
    RemoveLink,
    SetTargetState,
    Stage,
    TrySudo,
    Way,
    literal,
)
from fleettui.repair.planning.look import NothingToRepair, NotRepairable
from fleettui.repair.planning.restart import ways_for

PREFIX = "/_coreos.com/fleet/"


async def test_the_plan_always_begins_with_the_registry() -> None:
    for state in ("loaded", "launched"):
        actions = (await planned(World(target_state=state))).steps[0].actions
        assert actions[:2] == (TrySudo(), SetTargetState(TEMPLATE, state, TargetState.INACTIVE))
        assert [type(a) for a in actions[2:]] == [RemoveFile, RemoveLink]


async def test_what_is_gone_already_is_not_planned() -> None:
    actions = (await planned(World(target_state=None, link=False))).steps[0].actions
    assert [type(a) for a in actions] == [TrySudo, RemoveFile]


def versions() -> Iterator[tuple[str, tuple[Way, ...]]]:
    gentle, full = (Way.GENTLE, Way.FULL), (Way.FULL,)
    yield from ((v, gentle) for v in ("0.8.3", "0.9.2", "0.10.2", "0.11.8", "0.12.0", "0.11.8+git"))
    yield from (
        (v, full)
        for v in (
            "0.13.0",
            "1.0.0+wasnotbuiltproperly",
            "0.7.1",
            "0.0.0+wasnotbuiltproperly",
            "",
            "what",
        )
    )


@pytest.mark.parametrize(("version", "ways"), versions())
def test_the_gentle_way_is_offered_only_where_it_was_measured(
    version: str, ways: tuple[Way, ...]
) -> None:
    assert ways_for(Untrusted(version)) == ways


async def test_the_full_restart_names_every_unit_it_stops() -> None:
    plan = (await planned(World())).with_way(Way.FULL)
    words = "\n".join(plan.step(Stage.RESTART).changes)
    assert "STOPS EVERY UNIT" in words
    assert str(HELLO) in words


async def test_commands_are_shown_word_for_word() -> None:
    plan = await planned(World())
    _, unload, file, _ = plan.step(Stage.DELETE).actions
    assert literal(unload, plan.token, PREFIX) == (
        f"etcd PUT {PREFIX}job/{TEMPLATE}/target-state?prevValue=loaded  value=inactive",
    )
    (line,) = literal(file, plan.token, PREFIX)
    assert line.startswith("sudo -n sh -c '")
    arguments = f"fleettui-remove {FLEET_UNITS} {TEMPLATE} file {SHA256}"
    assert line.endswith(f"{arguments} /run/fleettui/quarantine t.{TEMPLATE}")


async def test_another_machine_behind_the_address_is_not_repaired() -> None:
    world = World()
    snapshot, facts = await world.read(), await world.probe(MACHINE)
    facts = replace(facts, reported_id=Untrusted("f" * 32))
    with pytest.raises(NotRepairable, match="another machine"):
        planned_from(MACHINE, snapshot, facts)


async def test_a_folder_that_cannot_be_read_is_not_taken_for_clean() -> None:
    world = World()
    snapshot, facts = await world.read(), await world.probe(MACHINE)
    broken = replace(facts.folders[FLEET_UNITS], entries={}, problem=Untrusted("Permission denied"))
    facts = replace(facts, folders={**facts.folders, FLEET_UNITS: broken})
    with pytest.raises(NotRepairable, match="Permission denied"):
        planned_from(MACHINE, snapshot, facts)


async def test_every_template_of_the_machine_is_repaired_together() -> None:
    world = World()
    snapshot, facts = await world.read(), await world.probe(MACHINE)
    other = Untrusted("web@.service")
    job = structs.replace(snapshot.units[TEMPLATE], name=other)
    snapshot = replace(snapshot, units={**snapshot.units, other: job})
    plan = planned_from(MACHINE, snapshot, facts)
    assert plan.units == (other, TEMPLATE)
    unloads = [a for a in plan.step(Stage.DELETE).actions if isinstance(a, SetTargetState)]
    assert [unload.unit for unload in unloads] == [other, TEMPLATE]


async def test_a_clean_machine_is_not_offered_a_repair() -> None:
    with pytest.raises(NothingToRepair):
        await planned(World(target_state="inactive", file=False, link=False, in_memory=False))


@pytest.mark.parametrize("hostname", ["", "localhost", "core\u202e-01", " core-01"])
async def test_a_host_name_that_stands_for_no_machine_is_not_what_is_typed(hostname: str) -> None:
    assert (await planned(World(hostname=hostname))).host == MACHINE.id.raw[:8]
