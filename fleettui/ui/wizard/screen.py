"""The repair wizard: five stages, each confirmed alone and read back before the next."""

import asyncio
import secrets
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

from fleettui.access import HostUnreachable, Operator, RegistryUnavailable
from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Machine, Snapshot
from fleettui.model.host import HostFacts, HostReport, NotChecked
from fleettui.model.untrusted import Untrusted
from fleettui.repair.outcome import Acted, Confirmed, Outcome, Progress, Result, Told
from fleettui.repair.plan import NotRepairable, Plan, Stage, Way, plan_repair
from fleettui.repair.record import Record
from fleettui.repair.run import Repair
from fleettui.ui.paint import Tone, paint, paint_lines
from fleettui.ui.picture import now
from fleettui.ui.widgets.journal import JournalPane
from fleettui.ui.wizard import text

HELD = 0.35
"""Seconds within which a second press counts as the same, held key."""


class Phase(Enum):
    """Where one is within a stage."""

    LOOKING = "looking"
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
        self, operator: Operator, finding: Finding, unit: Untrusted, records: Path
    ) -> None:
        super().__init__()
        self._operator = operator
        self._finding = finding
        self._unit = unit
        self._records = records
        self._phase = Phase.LOOKING
        self._stage = Stage.LOCATE
        self._done: list[Stage] = []
        self._machine: Machine | None = None
        self._host = ""
        self._snapshot: Snapshot | None = None
        self._reports: tuple[HostReport, ...] = ()
        self._plan: Plan | None = None
        self._repair: Repair | None = None
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

    # --- locate: reads only -------------------------------------------------------------------

    def action_locate(self) -> None:
        """Start from what is true now; anything that was planned before is forgotten."""
        if self._phase is Phase.ACTING:
            self._refuse_to_leave()
            return
        self._stage, self._phase, self._done = Stage.LOCATE, Phase.LOOKING, []
        self._plan, self._repair, self._words, self._watched = None, None, [], []
        self._draw()
        self.run_worker(self._locate(), exclusive=True, group="repair")

    async def _locate(self) -> None:
        try:
            snapshot = await self._operator.registry.read()
        except RegistryUnavailable as lost:
            self._end(Outcome(Result.NOT_STARTED, Untrusted(str(lost))))
            return
        machines = snapshot.machines.values()
        reports = await asyncio.gather(*(self._ask(machine) for machine in machines))
        self._snapshot, self._reports = snapshot, tuple(reports)
        self._machine = self._chosen(snapshot)
        try:
            self._plan = self._planned(snapshot)
        except NotRepairable as reason:
            self._end(Outcome(Result.NOT_STARTED, Untrusted(str(reason))))
            return
        self._done = [Stage.LOCATE]
        self._phase = Phase.DONE
        self._draw()

    async def _ask(self, machine: Machine) -> HostReport:
        try:
            return await self._operator.hosts.probe(machine)
        except HostUnreachable as reason:
            return NotChecked(machine.id, now(), Untrusted(str(reason)))

    def _chosen(self, snapshot: Snapshot) -> Machine | None:
        """The finding's machine, or the first one that shows the template."""
        affected = [r.machine_id for r in self._reports if text.is_affected(self._unit, r)]
        wanted = self._finding.machine_id
        first = wanted if wanted in snapshot.machines else next(iter(affected), None)
        return snapshot.machines.get(first) if first else None

    def _planned(self, snapshot: Snapshot) -> Plan:
        machine = self._machine
        if machine is None:
            raise NotRepairable(
                "No machine that could be asked shows the template. If the registry still wants "
                "it, `fleetctl unload` takes it back before a machine is hit."
            )
        self.query_one(JournalPane).watch_machine(machine)
        facts = next((r for r in self._reports if r.machine_id == machine.id), None)
        if not isinstance(facts, HostFacts):
            reason = facts.reason if facts else "it was not asked"
            raise NotRepairable(f"{machine.public_ip} cannot be reached: {reason}")
        self._host = str(facts.hostname)
        token = f"{now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        return plan_repair(self._unit, machine, snapshot, facts, token=token)

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
            case Phase.DONE if self._stage is Stage.VERIFY:
                self.dismiss()
            case Phase.DONE:
                self._enter(self._next_stage())
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
        plan = self._plan
        if plan is None:
            return
        if self._stage is Stage.VERIFY and self._repair is not None:
            self._repair.retry_restart()
            self._done = [s for s in self._done if s not in {Stage.RESTART, Stage.VERIFY}]
            self._set_way(Way.FULL)
            self._enter(Stage.RESTART)
        elif self._stage is Stage.RESTART and len(plan.ways) > 1:
            self._set_way(Way.GENTLE if self._way is Way.FULL else Way.FULL)
            self._enter(Stage.RESTART)

    def _set_way(self, way: Way) -> None:
        if self._plan is not None:
            self._plan = self._plan.with_way(way)
        if self._repair is not None and self._plan is not None:
            self._repair.plan = self._plan

    @property
    def _way(self) -> Way | None:
        return self._plan.way if self._plan else None

    def _act(self) -> None:
        """Run the stage at hand, as confirmed."""
        if self._plan is None or not self._typed_right():
            return
        if self._repair is None and not self._begin(self._plan):
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
            "unit": self._unit.raw,
            "machine": plan.machine.id.raw,
            "ip": plan.machine.public_ip.raw,
            "fleetd": plan.machine.version.raw,
        }

    async def _acted(self) -> None:
        repair, plan = self._repair, self._plan
        if repair is None or plan is None:
            return
        if self._stage is Stage.VERIFY:
            outcome = await repair.verify()
        else:
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
        done = outcome.result is Result.DONE
        self._phase = Phase.DONE if done else Phase.FAILED
        if done:
            self._done.append(self._stage)
        if not self._words:
            self._words += text.outcome_lines(f"{self._stage}", outcome)
        self._draw()

    # --- confirming ---------------------------------------------------------------------------

    @property
    def _must_type(self) -> str:
        """What has to be typed before the stage at hand may run; empty where nothing has."""
        if self._phase is not Phase.ASKING or self._plan is None:
            return ""
        if self._stage is Stage.DELETE and self._plan.step(Stage.DELETE).actions:
            return self._unit.raw
        if self._stage is Stage.RESTART and self._way is Way.FULL:
            return self._host
        return ""

    def _typed_right(self) -> bool:
        must = self._must_type
        return not must or self.query_one("#name", Input).value == must

    def on_input_changed(self) -> None:
        self._draw_buttons()

    def on_input_submitted(self) -> None:
        """Enter in the field changes nothing: it only moves on to the button."""
        if self._typed_right():
            self.query_one("#go").focus()
            self._pressed = monotonic()

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
        target = text.target_lines(self._unit, self._machine, self._host, cluster)
        self._static("target").update(paint_lines(target))
        self._static("text").update(paint_lines(self._body()))
        self._draw_outcome()
        self._draw_buttons()
        self._focus()

    def _static(self, name: str) -> Static:
        return self.query_one(f"#{name}", Static)

    def _body(self) -> Iterable[Content]:
        if self._stage is Stage.LOCATE:
            return self._located()
        if self._stage is Stage.VERIFY:
            return self._verdict()
        plan = self._plan
        prefix = self._operator.cluster.prefix
        return text.step_lines(plan.step(self._stage), plan, prefix) if plan else ()

    def _located(self) -> Iterator[Content]:
        if self._snapshot is None:
            yield paint(("Asking the registry and every machine ...", Tone.DIM))
            return
        yield from text.located_lines(self._unit, self._snapshot, self._reports)

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
        self.query_one("#typing").display = bool(must)
        self._static("ask").update(paint("Type ", (Untrusted(must), Tone.STRONG), " to confirm: "))
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
                return text.doing(self._stage, self._way)
            case Phase.FAILED:
                return "Locate again"
            case Phase.DONE if self._stage is Stage.VERIFY:
                return "Close"
            case Phase.DONE:
                return f"Go on to {self._next_stage()}"

    def _other_label(self) -> str:
        """The other restart, where it can be chosen now."""
        ways = self._plan.ways if self._plan else ()
        if self._stage is Stage.RESTART and self._phase is Phase.ASKING and len(ways) > 1:
            return "Gentle way instead" if self._way is Way.FULL else "Full restart instead"
        if self._stage is Stage.VERIFY and self._phase is Phase.FAILED:
            return "Full restart"
        return ""

    def _focus(self) -> None:
        """Leave is focused whenever the next press could change something."""
        if self._must_type:
            self.query_one("#name").focus()
        elif self._phase is Phase.DONE:
            self.query_one("#go").focus()
        else:
            self.query_one("#leave").focus()
