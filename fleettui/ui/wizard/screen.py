"""The repair wizard: five stages, each confirmed alone and read back before the next."""

from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from time import monotonic
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Button, Footer, Input, Static

from fleettui.access import Operator
from fleettui.diagnosis.finding import Finding
from fleettui.model.clock import now
from fleettui.model.cluster import Machine
from fleettui.model.untrusted import Untrusted
from fleettui.repair.locate import Located, locate
from fleettui.repair.outcome import Acted, Confirmed, Outcome, Progress, Result, Told
from fleettui.repair.plan import Plan, Stage, Way
from fleettui.repair.record import Record
from fleettui.repair.run import Repair
from fleettui.ui.paint import Tone, paint, paint_lines
from fleettui.ui.widgets.journal import JournalPane
from fleettui.ui.wizard import text

HELD = 0.8
"""Seconds within which a second press counts as the same, held key: keyboards begin to repeat
after 0.25 to 0.66 s."""


class Phase(Enum):
    """Where one is within a stage."""

    LOOKING = "looking"
    CLEAN = "clean"
    ASKING = "asking"
    ACTING = "acting"
    DONE = "done"
    FAILED = "failed"


class WizardScreen(Screen[None]):
    """Holds an Operator, so no observer can open it."""

    CSS_PATH = "wizard.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (30, "-tall")]  # noqa: RUF012 - declared by Textual
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave"),
        Binding("ctrl+l", "locate", "Locate again"),
        Binding("pagedown", "page(1)", "More", tooltip="Read on below"),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("right", "app.focus_next", "Next button", show=False),
        Binding("left", "app.focus_previous", "Previous button", show=False),
    ]

    def __init__(
        self, operator: Operator, finding: Finding, machine: Machine | None, records: Path
    ) -> None:
        super().__init__()
        self._operator = operator
        self._finding = finding
        self._unit = finding.unit or Untrusted("")
        self._machine = machine
        self._records = records
        self._phase = Phase.LOOKING
        self._stage = Stage.LOCATE
        self._located = Located()
        self._chosen_plan: Plan | None = None
        self._repair: Repair | None = None
        self._result = Result.DONE
        self._words: list[Content] = []
        """What became of the acts of this stage."""
        self._watched: list[Content] = []
        self._pressed = 0.0

    def compose(self) -> ComposeResult:
        yield Static(id="stepper", markup=False)
        yield Static(id="target", markup=False)
        with VerticalScroll(id="body", can_focus=False):
            yield Static(id="text", markup=False)
        yield Static(id="outcome", markup=False)
        with Horizontal(id="typing"):
            yield Static(id="ask", markup=False)
            yield Input(id="name", compact=True)
        with Horizontal(id="buttons"):
            yield Button("Leave", id="leave", compact=True)
            yield Button("Go on", id="go", variant="warning", compact=True)
            yield Button("Other way", id="other", compact=True)
        yield JournalPane(self._operator.hosts, id="tail")
        yield Footer()

    def on_mount(self) -> None:
        self.action_locate()

    @property
    def _plan(self) -> Plan | None:
        return self._repair.plan if self._repair else self._chosen_plan

    @property
    def _done(self) -> tuple[Stage, ...]:
        """Stages that are behind us."""
        located = (Stage.LOCATE,) if self._chosen_plan else ()
        return (*located, *(self._repair.done if self._repair else ()))

    # --- locate: reads only -------------------------------------------------------------------

    def action_locate(self) -> None:
        """Start from what is true now; anything that was planned before is forgotten."""
        if self.is_acting:
            self._refuse_to_leave()
            return
        self._stage, self._phase = Stage.LOCATE, Phase.LOOKING
        self._chosen_plan, self._repair, self._located = None, None, Located()
        self._words, self._watched = [], []
        self._draw()
        self.run_worker(self._locate(), exclusive=True, group="repair")

    async def _locate(self) -> None:
        located = self._located = await locate(self._operator, self._finding, self._machine)
        self._machine = located.machine
        self._chosen_plan = located.plan
        if located.machine is not None:
            self.query_one(JournalPane).watch_machine(located.machine)
        if located.plan is not None:
            self._phase = Phase.DONE
            self._draw()
        elif located.is_clean:
            self._phase = Phase.CLEAN
            self._words = [paint(("✔ ", Tone.GOOD), Untrusted(located.problem))]
            self._draw()
        else:
            self._end(Outcome(Result.NOT_STARTED, Untrusted(located.problem)))

    # --- going on -----------------------------------------------------------------------------

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if self._is_held():
            return
        match event.button.id:
            case "leave":
                self.action_leave()
            case "other":
                self._other_way()
            case _:
                self._go_on()

    def _is_held(self) -> bool:
        """Whether this press is the repeat of a held key; each repeat starts the wait anew."""
        last, self._pressed = self._pressed, monotonic()
        return self._pressed - last < HELD

    def _go_on(self) -> None:
        match self._phase:
            case Phase.CLEAN:
                self.dismiss()
            case Phase.DONE if self._stage is Stage.VERIFY:
                self.dismiss()
            case Phase.DONE:
                self._enter(self._next_stage())
            case Phase.FAILED if self._stage is Stage.VERIFY:
                self._enter(Stage.VERIFY)
            case Phase.ASKING:
                self._act()
            case Phase.FAILED:
                self.action_locate()
            case Phase.LOOKING | Phase.ACTING:
                pass

    def _next_stage(self) -> Stage:
        order = list(Stage)
        return order[order.index(self._stage) + 1]

    def _enter(self, stage: Stage) -> None:
        self._stage, self._words, self._watched = stage, [], []
        self._phase = Phase.ASKING
        self.query_one("#name", Input).value = ""
        self.query_one("#body").scroll_home(animate=False)
        if stage is Stage.VERIFY:
            self._act()
        else:
            self._draw()

    def _other_way(self) -> None:
        """Take the other restart, or open the restart again after a verify that failed."""
        if self._repair is None or not self._other_label():
            return
        gentle = self._repair.plan.way is Way.GENTLE
        self._repair.choose(Way.FULL if gentle else Way.GENTLE)
        self._enter(Stage.RESTART)

    def _act(self) -> None:
        """Run the stage at hand, as confirmed."""
        plan = self._plan
        if plan is None or not self._typed_right():
            return
        if self._repair is None and not self._begin(plan):
            return
        self._phase = Phase.ACTING
        self._draw()
        self.run_worker(self._acted(), exclusive=True, group="repair")

    def _begin(self, plan: Plan) -> bool:
        """Open the record; without one nothing is changed."""
        try:
            record = Record.begin(self._records, plan.token, self._head(plan))
        except OSError as disk:
            where = Untrusted(f"{self._records}: {disk.strerror or disk}")
            self._end(Outcome(Result.NOT_STARTED, where))
            return False
        self._repair = Repair(self._operator, plan, record, self._told)
        return True

    def _head(self, plan: Plan) -> dict[str, object]:
        return {
            "who": self._operator.name,
            "cluster": self._operator.cluster.endpoints,
            "fault": self._finding.fault,
            "units": [unit.raw for unit in plan.units],
            "machine": plan.machine.id.raw,
            "ip": plan.machine.public_ip.raw,
            "fleetd": plan.machine.version.raw,
        }

    async def _acted(self) -> None:
        repair = self._repair
        if repair is None:
            return
        if self._stage is Stage.VERIFY:
            outcome = await repair.verify()
        else:
            plan = repair.plan
            step = plan.step(self._stage)
            yes = Confirmed(step, plan.machine.id, self._operator.name, now())
            outcome = await repair.perform(yes)
        self._end(outcome)

    def _told(self, news: Told) -> None:
        match news:
            case Progress(checks):
                self._watched = list(text.check_lines(checks))
            case Acted(title, outcome):
                self._watched = []
                self._words += text.outcome_lines(title, outcome)
        self._draw_outcome()

    def _end(self, outcome: Outcome) -> None:
        self._result = outcome.result
        self._phase = Phase.DONE if outcome.result is Result.DONE else Phase.FAILED
        if not self._words:
            self._words += text.outcome_lines(self._stage.value, outcome)
        self._draw()

    # --- confirming ---------------------------------------------------------------------------

    @property
    def _must_type(self) -> str | None:
        """What has to be typed before the stage at hand may run; None where nothing has."""
        plan = self._plan
        if self._phase is not Phase.ASKING or plan is None:
            return None
        if self._stage is Stage.DELETE and plan.step(Stage.DELETE).actions:
            return plan.units[0].raw
        if self._stage is Stage.RESTART and plan.way is Way.FULL:
            return plan.host
        return None

    def _typed_right(self) -> bool:
        must = self._must_type
        return must is None or self.query_one("#name", Input).value == must

    def on_input_changed(self) -> None:
        self._draw_buttons()

    # --- leaving ------------------------------------------------------------------------------

    @property
    def is_acting(self) -> bool:
        """Whether a step is under way on the machine right now."""
        return self._phase is Phase.ACTING and self._stage is not Stage.VERIFY

    def action_leave(self) -> None:
        if self.is_acting:
            self._refuse_to_leave()
        else:
            self.dismiss()

    def action_page(self, pages: int) -> None:
        body = self.query_one("#body")
        body.scroll_relative(y=pages * max(body.size.height - 1, 1), animate=False)

    def _refuse_to_leave(self) -> None:
        words = "This step is under way. It can be left once its result was read back."
        self.notify(words, severity="warning", markup=False)

    # --- drawing ------------------------------------------------------------------------------

    def _draw(self) -> None:
        failed = self._phase is Phase.FAILED
        self._static("stepper").update(text.stepper(self._stage, self._done, failed=failed))
        cluster = f"{self._operator.cluster.endpoints[0]}{self._operator.cluster.prefix}"
        plan = self._plan
        target = text.target_lines(self._unit, self._machine, plan.host if plan else "", cluster)
        self._static("target").update(paint_lines(target))
        self._static("text").update(paint_lines(self._body()))
        self._draw_outcome()
        self._draw_buttons()
        self._focus()

    def _static(self, name: str) -> Static:
        return self.query_one(f"#{name}", Static)

    def _body(self) -> Iterable[Content]:
        if self._stage is Stage.LOCATE:
            return text.located_lines(self._unit, self._located)
        if self._stage is Stage.VERIFY:
            return self._verdict()
        plan, prefix = self._plan, self._operator.cluster.prefix
        return text.step_lines(plan.step(self._stage), plan, prefix) if plan else ()

    def _verdict(self) -> Iterator[Content]:
        if self._phase is Phase.DONE and self._repair is not None:
            yield from text.repaired_lines(self._repair.interrupted)
            yield paint(("The record of every act: ", Tone.DIM), str(self._repair.record.path))
        else:
            yield from text.verify_lines()

    def _draw_outcome(self) -> None:
        self._static("outcome").update(paint_lines([*self._words, *self._watched]))

    def _draw_buttons(self) -> None:
        must = self._must_type
        self.query_one("#typing").display = must is not None
        self._static("ask").update(text.asked(self._stage, must or "", self._plan))
        go, other = self.query_one("#go", Button), self.query_one("#other", Button)
        go.label = self._go_label()
        go.disabled = self._phase in {Phase.LOOKING, Phase.ACTING} or not self._typed_right()
        other.label = self._other_label()
        other.display = bool(self._other_label())
        for button in (go, other):
            button.refresh(layout=True)  # a new label does not ask for its width by itself

    def _go_label(self) -> str:
        match self._phase:
            case Phase.LOOKING:
                return "Looking ..."
            case Phase.ACTING:
                return "Watching ..." if self._stage is Stage.VERIFY else "Under way ..."
            case Phase.ASKING:
                return text.doing(self._stage, self._plan.way if self._plan else None)
            case Phase.FAILED:
                return "Verify again" if self._stage is Stage.VERIFY else "Locate again"
            case Phase.CLEAN:
                return "Close"
            case Phase.DONE if self._stage is Stage.VERIFY:
                return "Close"
            case Phase.DONE:
                return f"Go on to {self._next_stage()}"

    def _other_label(self) -> str:
        """The other restart, where it can be chosen now."""
        plan = self._plan
        if plan is None or self._repair is None:
            return ""
        gentle = plan.way is Way.GENTLE
        if self._stage is Stage.RESTART and self._phase is Phase.ASKING and len(plan.ways) > 1:
            return "Full restart instead" if gentle else "Gentle way instead"
        failed = self._phase is Phase.FAILED and self._result is Result.FAILED
        if self._stage is Stage.VERIFY and failed and gentle:
            return "Full restart"
        return ""

    def _focus(self) -> None:
        """Leave is focused whenever the next press could change something."""
        if self._must_type is not None:
            self.query_one("#name").focus()
        elif self._phase in {Phase.DONE, Phase.CLEAN}:
            self.query_one("#go").focus()
        else:
            self.query_one("#leave").focus()
