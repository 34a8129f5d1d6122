"""The wizard at each point of a repair, which runs to that point in a world made of values."""

from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count

from driving import until, when
from repair_world import RepairWorld, broken_for, finding_in
from scenes import AT, SCENES, Scene
from textual.pilot import Pilot
from textual.screen import Screen

from fleettui.repair.driving.pace import Pace
from fleettui.repair.planning.action import Stage, Way
from fleettui.ui.app import FleetApp
from fleettui.ui.widgets.journal import JournalPane
from fleettui.ui.wizard.errand import Errand
from fleettui.ui.wizard.plan_screen import PlanScreen
from fleettui.ui.wizard.screen import WizardScreen
from fleettui.ui.wizard.script import ScriptScreen

Course = Callable[[Pilot[None], WizardScreen, RepairWorld], Awaitable[None]]
"""What is done from the plan on."""
TOOK = {Stage.DELETE: 1.0, Stage.RELOAD: 0.0, Stage.RESTART: 11.0, Stage.VERIFY: 12.0}
"""Seconds, as the stepper tells them."""


def _scene(
    name: str,
    words: str,
    course: Course,
    version: str = "0.11.8",
    screen: type[Screen[None]] = WizardScreen,
) -> Scene:
    async def play(pilot: Pilot[None]) -> None:
        app, world = pilot.app, broken_for(5, AT, version)
        assert isinstance(app, FleetApp)
        finding = await finding_in(world)
        wizard = WizardScreen(world.operator(), finding, world.machine, app._records)
        wizard.errand.pace = Pace(look_every=0, clock=partial(next, count()))
        app._open_wizard(wizard)
        await until(pilot, "Go on to delete")
        await course(pilot, wizard, world)
        wizard._seconds.update({stage: TOOK[stage] for stage in wizard.errand.course.done})
        wizard._draw_stepper()
        tail = wizard.query_one(JournalPane)
        await when(lambda: tail.received == len(world.lines), "the journal is there")

    return Scene(name, screen, words, then=play)


async def _located(pilot: Pilot[None], wizard: WizardScreen, world: RepairWorld) -> None:
    """Nothing more is done."""


async def _plan(pilot: Pilot[None], wizard: WizardScreen, world: RepairWorld) -> None:
    wizard.action_plan()


async def _script(pilot: Pilot[None], wizard: WizardScreen, world: RepairWorld) -> None:
    wizard.action_script()


def _asking(stage: Stage) -> Course:
    async def course(pilot: Pilot[None], wizard: WizardScreen, world: RepairWorld) -> None:
        await _up_to(wizard.errand, stage)
        await wizard.errand.go_on(stage)

    return course


def _done(stage: Stage) -> Course:
    async def course(pilot: Pilot[None], wizard: WizardScreen, world: RepairWorld) -> None:
        await _up_to(wizard.errand, stage)
        await wizard.errand.go_on(stage)
        await wizard.errand.act()

    return course


async def _full(pilot: Pilot[None], wizard: WizardScreen, world: RepairWorld) -> None:
    await _asking(Stage.RESTART)(pilot, wizard, world)
    wizard.errand.other_way()


async def _returning(pilot: Pilot[None], wizard: WizardScreen, world: RepairWorld) -> None:
    """Two units are back, two are not yet; and so it stays."""
    await _asking(Stage.RESTART)(pilot, wizard, world)
    plan = wizard.errand.course.plan
    assert plan is not None
    assert plan.way is Way.FULL
    backs = world.back_at.values
    world.is_enough = lambda: sum(back <= world.clock for back in backs()) >= 2
    wizard.run_worker(wizard.errand.act(), group="repair")
    await until(pilot, "2 of 4 units run")


async def _up_to(errand: Errand, stage: Stage) -> None:
    """Every stage before it, each confirmed and read back."""
    plan = errand.course.plan
    assert plan is not None
    for before in plan.stages[: plan.stages.index(stage)]:
        await errand.go_on(before)
        await errand.act()
        assert before in errand.course.done, errand.acts


REPAIRS = (
    _scene("wizard-1-locate", "Go on to delete", _located),
    _scene("wizard-plan", "1. DELETE", _plan, screen=PlanScreen),
    _scene("wizard-script", "script", _script, screen=ScriptScreen),
    _scene("wizard-2-delete", "Type zookeeper", _asking(Stage.DELETE)),
    _scene("wizard-2-deleted", "Go on to reload", _done(Stage.DELETE)),
    _scene("wizard-3-reload", "It changes", _asking(Stage.RELOAD)),
    _scene("wizard-4-gentle", "Stops nothing", _asking(Stage.RESTART)),
    _scene("wizard-4-full", "STOPS EVERY UNIT", _full),
    _scene("wizard-4-returns", "2 of 4 units run", _returning, version="1.0.0"),
    _scene("wizard-5-verified", "Repaired, and read back", _done(Stage.VERIFY)),
)
EVERY = (*SCENES, *REPAIRS)
"""All that is drawn."""
