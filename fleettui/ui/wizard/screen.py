"""The repair wizard: each stage shown, confirmed alone, and read back before the next."""

from pathlib import Path
from time import monotonic
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.reactive import reactive
from textual.widgets import Button, Input, Static

from fleettui.access import Operator
from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Machine
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Stage
from fleettui.repair.records.past import PastRepair
from fleettui.ui.hanging import Hanging
from fleettui.ui.keys import Explains, named
from fleettui.ui.messages import WatchAsked
from fleettui.ui.paint import paint_lines
from fleettui.ui.widgets.footer import KeyFooter
from fleettui.ui.widgets.journal import JournalPane
from fleettui.ui.widgets.journal.alone import ALONE, JournalAlone
from fleettui.ui.wizard.body import (
    beside_lines,
    body_lines,
    following,
    known_names,
    said_lines,
    still_away,
    target_of,
)
from fleettui.ui.wizard.confirm import Typing, typing_for
from fleettui.ui.wizard.course import Deed, Offer, Phase, main_offer, other_offer
from fleettui.ui.wizard.errand import Errand, Task
from fleettui.ui.wizard.plan_screen import PlanScreen
from fleettui.ui.wizard.script import hand_over
from fleettui.ui.wizard.words.frame import stepper, target_lines
from fleettui.ui.wizard.words.step import asked

HELD = 0.8
"""Seconds within which a second press counts as the same, held key: keyboards begin to repeat
after 0.25 to 0.66 s."""


class NameInput(Input):
    """Where a name is typed; the page keys go on moving the text above."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("pagedown", "screen.page(1)", "More", tooltip="Read on below"),
            Binding("pageup", "screen.page(-1)", "Page up", show=False),
        ]
    )


class WizardScreen(Explains, JournalAlone):
    """Holds an Operator, so no observer can open it."""

    CSS_PATH = "wizard.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - declared by Textual
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (20, "-short"), (30, "-tall")]  # noqa: RUF012 - declared by Textual
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            *ALONE,
            Binding("escape", "leave", "Leave"),
            Binding("ctrl+l", "locate", "Check again", tooltip="Locate and check everything again"),
            Binding("p,f2", "plan", "Plan", tooltip="The whole plan on one screen"),
            Binding(
                "y,f3", "script", "Script", tooltip="Copy the remaining steps as a shell script"
            ),
            Binding("u,f4", "undo", "Undo", tooltip="Take the last step back that can be"),
            Binding("pagedown", "page(1)", "More", tooltip="Read on below"),
            Binding("pageup", "page(-1)", "Page up", show=False),
            Binding("right", "app.focus_next", "Next button", show=False),
            Binding("left", "app.focus_previous", "Previous button", show=False),
        ]
    )

    holder: reactive[LockHolder | None] = reactive(None, init=False, repaint=False)

    def __init__(
        self,
        operator: Operator,
        finding: Finding,
        machine: Machine | None,
        records: Path,
        past: PastRepair | None = None,
    ) -> None:
        """`past` is a repair that was left, to be gone on with."""
        super().__init__()
        self._operator = operator
        self._records = records
        self.errand = Errand(operator, Task(finding, machine, past), records, self)
        self._pressed = 0.0
        self._seconds: dict[Stage, float] = {}
        """How long each stage has acted."""
        self._begun: dict[Stage, float] = {}

    def compose(self) -> ComposeResult:
        yield Static(id="stepper", markup=False)
        yield Static(id="target", markup=False)
        with VerticalScroll(id="body", can_focus=False), Horizontal(id="pair"):
            yield Static(id="text", markup=False)
            yield Static(id="beside", markup=False)
        with VerticalScroll(id="outcome", can_focus=False):
            yield Static(id="said", markup=False)
        with Horizontal(id="typing"):
            yield Static(id="ask", markup=False)
            yield NameInput(id="name", compact=True)
        with Horizontal(id="buttons"):
            yield Button("Leave", id="leave", compact=True)
            yield Button("Go on", id="go", variant="warning", compact=True)
            yield Button("Other way", id="other", compact=True)
        operator = self._operator
        root = operator.root_journals
        yield JournalPane(operator.hosts, id="journal", keep_in=None, root=root, of_one=True)
        yield KeyFooter()

    def on_mount(self) -> None:
        self.set_interval(1.0, self._draw_stepper)
        self.action_locate()

    def watch_holder(self) -> None:
        if self.is_mounted:
            self._draw_buttons()

    @property
    def is_acting(self) -> bool:
        """Whether a step is under way on the machine right now."""
        return self.errand.course.is_acting

    @property
    def token(self) -> str:
        """Names the repair that is open here; empty while none is."""
        repair = self.errand.repair
        return repair.plan.token if repair and self.errand.is_open else ""

    # --- going on -----------------------------------------------------------------------------

    def action_locate(self) -> None:
        """Start from what is true now; anything that was planned before is forgotten."""
        if self.is_acting:
            self._refuse_to_leave()
        else:
            self.run_worker(self.errand.locate(), exclusive=True, group="repair")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if self._is_held():
            return
        match event.button.id:
            case "leave":
                self.action_leave()
            case "other":
                self._do(self._other)
            case _:
                self._do(self._main)

    def _is_held(self) -> bool:
        """Whether this press is the repeat of a held key; each repeat starts the wait anew."""
        last, self._pressed = self._pressed, monotonic()
        return self._pressed - last < HELD

    @property
    def _main(self) -> Offer:
        return main_offer(self.errand.course, following(self.errand), still_away(self.errand))

    @property
    def _other(self) -> Offer | None:
        locked = self.holder is not None and self.holder.token != Untrusted(self.token)
        return other_offer(self.errand.course, is_locked_out=locked)

    def _do(self, offer: Offer | None) -> None:
        errand = self.errand
        match offer.deed if offer else Deed.NONE:
            case Deed.LOCATE:
                self.action_locate()
            case Deed.GO_ON:
                self._go_on()
            case Deed.ACT:
                self._act()
            case Deed.OTHER_WAY:
                errand.other_way()
            case Deed.REOPEN:
                self.run_worker(errand.reopen(), exclusive=True, group="repair")
            case Deed.OTHER_WORD:
                errand.other_word()
            case Deed.WATCH:
                self.post_message(WatchAsked())
            case Deed.NEXT_MACHINE:
                self.run_worker(errand.go_to_next_machine(), exclusive=True, group="repair")
            case Deed.CLOSE:
                self.action_leave()
            case Deed.NONE:
                pass

    def _go_on(self) -> None:
        stage = self.errand.course.next_stage
        if stage is not None:
            self.run_worker(self._entered(stage), exclusive=True, group="repair")

    async def _entered(self, stage: Stage) -> None:
        """Show a stage; one that only reads begins by itself."""
        await self.errand.go_on(stage)
        if self.errand.course.only_reads:
            await self.errand.act()

    def _act(self) -> None:
        """Run the stage at hand, as confirmed."""
        if self._typed_right():
            self.run_worker(self.errand.act(), exclusive=True, group="repair")

    # --- confirming ---------------------------------------------------------------------------

    @property
    def _typing(self) -> Typing | None:
        return typing_for(self.errand.course, known_names(self.errand))

    def _typed_right(self) -> bool:
        typing = self._typing
        return typing is None or self.query_one("#name", Input).value == typing.words

    def on_input_changed(self) -> None:
        self._draw_buttons()

    @on(Input.Submitted, "#name")
    def _lead_to_the_button(self) -> None:
        """Enter behind the right name leads to the button; the same key, held, goes no further."""
        go = self.query_one("#go", Button)
        if not go.disabled:
            self._pressed = monotonic()
            go.focus()

    # --- what cannot be done right now ---------------------------------------------------------

    def why_not(self, action: str) -> str:
        if action in {"plan", "script"} and self.errand.course.plan is None:
            return "There is no plan yet."
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        able = JournalAlone.check_action(self, action, parameters)
        return able and super().check_action(action, parameters)

    # --- the plan, by hand, and back ----------------------------------------------------------

    def action_plan(self) -> None:
        plan = self.errand.course.plan
        if plan is None:
            return
        done, cluster = self.errand.course.done, self._operator.cluster
        self.app.push_screen(PlanScreen(plan, done, cluster, self._records))

    def action_script(self) -> None:
        plan = self.errand.course.plan
        if plan is not None:
            hand_over(self, plan, self.errand.course.done, self._operator.cluster, self._records)

    def action_undo(self) -> None:
        if self.is_acting:
            self._refuse_to_leave()
        elif not self.errand.undo():
            words = "There is nothing to take back: no step that can be was done here."
            self.notify(words, markup=False)

    # --- leaving ------------------------------------------------------------------------------

    def action_leave(self) -> None:
        if self.is_acting:
            self._refuse_to_leave()
        else:
            self.run_worker(self._leave(), exclusive=True, group="repair")

    async def _leave(self) -> None:
        await self.errand.leave("the wizard was left")
        self.dismiss()

    async def let_go(self) -> None:
        """Give the lock back, and say in the record that fleettui was quit."""
        await self.errand.leave("fleettui was quit")

    def action_page(self, pages: int) -> None:
        """Scroll what was said where that is more than fits, else the text."""
        said = self.query_one("#outcome")
        area = said if said.max_scroll_y else self.query_one("#body")
        area.scroll_relative(y=pages * max(area.size.height - 1, 1), animate=False)

    def _refuse_to_leave(self) -> None:
        words = "This step is under way. It can be left once its result was read back."
        self.notify(words, severity="warning", markup=False)

    # --- drawing ------------------------------------------------------------------------------

    def told(self) -> None:
        """Something that is being watched moved: neither focus nor scrolling may."""
        if self.is_mounted:
            self._static("said").update(Hanging(said_lines(self.errand)))

    def changed(self) -> None:
        """The errand is somewhere else now."""
        if not self.is_mounted:
            return
        errand = self.errand
        phase = errand.course.phase
        self.remove_class("-alone")  # what is asked, or was done, comes before it
        if phase is Phase.ASKING:
            self.query_one("#name", Input).value = ""
        self.set_class(phase in {Phase.ACTING, Phase.DONE, Phase.FAILED}, "-told")
        self.query_one("#outcome").scroll_home(animate=False)
        self.query_one("#body").scroll_home(animate=False)
        self.set_class(errand.machine is None, "-nowhere")
        if errand.machine is not None:
            self.query_one(JournalPane).watch_machine(errand.machine)
        target = target_of(errand, self._operator.cluster)
        text = body_lines(errand, self._typing, self._operator.cluster)
        self._draw_stepper()
        self._static("target").update(paint_lines(target_lines(target)))
        self._static("text").update(Hanging(text))
        beside = list(beside_lines(errand))
        self._static("beside").update(Hanging(beside))
        self.set_class(bool(beside), "-beside")
        self.told()
        self._draw_buttons()
        self._focus()
        self.refresh_bindings()

    def show_journal(self, *, alone: bool) -> None:
        if alone and self.has_class("-nowhere"):
            self.notify("There is no journal: this is of no one machine.", markup=False)
            return
        super().show_journal(alone=alone)
        self._draw_buttons()
        if not alone:
            self._focus()

    def _draw_stepper(self) -> None:
        """The stages; while one acts, its seconds are counted."""
        course, at = self.errand.course, monotonic()
        if course.phase is Phase.ACTING:
            self._begun.setdefault(course.stage, at)
            self._seconds[course.stage] = at - self._begun[course.stage]
        else:
            self._begun.clear()
        self._static("stepper").update(stepper(course, self._seconds, self.size.width - 2))

    def on_resize(self) -> None:
        self._draw_stepper()

    def _static(self, name: str) -> Static:
        return self.query_one(f"#{name}", Static)

    def _draw_buttons(self) -> None:
        typing = self._typing
        self.query_one("#typing").display = typing is not None and not self.has_class("-alone")
        self._static("ask").update(asked(typing) if typing else "")
        main, other = self._main, self._other
        go, second = self.query_one("#go", Button), self.query_one("#other", Button)
        go.label = main.label
        go.disabled = not main.is_ready or not self._typed_right()
        second.label = other.label if other else ""
        second.display = other is not None
        for button in (go, second):
            button.refresh(layout=True)  # a new label does not ask for its width by itself

    def _focus(self) -> None:
        """Leave is focused whenever the next press could change something."""
        phase = self.errand.course.phase
        if self._typing is not None:
            self.query_one("#name").focus()
        elif phase in {Phase.READY, Phase.DONE, Phase.CLEAN}:
            self.query_one("#go").focus()
        else:
            self.query_one("#leave").focus()
