"""Which unit, and which machines: two questions with many answers."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option
from textual.widgets.selection_list import Selection

from fleettui.journal.sources import SERVICES
from fleettui.model.changes import units_by_machine
from fleettui.model.cluster import Machine
from fleettui.model.names import refusal
from fleettui.model.untrusted import Untrusted
from fleettui.ui.dialogs.dialog import Dialog
from fleettui.ui.keys import named
from fleettui.ui.paint import Tone, paint
from fleettui.ui.picture import Picture
from fleettui.ui.widgets.toggles import Marks


def offered_units(picture: Picture, machines: Sequence[Machine]) -> list[Untrusted]:
    """Units whose journal may be asked for: the services, then what fleet has on the machines."""
    known = units_by_machine(picture.snapshot)
    on_them = {unit for machine in machines for unit in known.get(machine.id, ())}
    named = [Untrusted(service) for service in SERVICES]
    return [*named, *sorted(on_them - set(named))]


class UnitScreen(Dialog[str | None]):
    """Returns the name of a unit."""

    CSS_PATH = "choosing.tcss"
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("escape", "dismiss(None)", "Never mind"),
            Binding("j", "move(1)", "Down", show=False),
            Binding("k", "move(-1)", "Up", show=False),
        ]
    )

    def __init__(self, units: Sequence[Untrusted], shown: Sequence[str]) -> None:
        super().__init__()
        self._names = [name for name in map(exact, units) if refusal(name) is None]
        self._shown = shown

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(paint(("Whose journal?", Tone.STRONG)), markup=False)
            yield OptionList(
                *(Option(paint(Untrusted(name), self._mark(name))) for name in self._names),
                markup=False,
            )

    def on_mount(self) -> None:
        """Begin at what is shown."""
        shown = (place for place, name in enumerate(self._names) if name in self._shown)
        self.query_one(OptionList).highlighted = next(shown, 0)

    def _mark(self, name: str) -> str:
        return "  (shown)" if name in self._shown else ""

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._names[event.option_index])

    def action_move(self, lines: int) -> None:
        options = self.query_one(OptionList)
        options.action_cursor_down() if lines > 0 else options.action_cursor_up()


class MachinesScreen(Dialog[tuple[Machine, ...] | None]):
    """Returns the machines whose journals are merged."""

    CSS_PATH = "choosing.tcss"
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("escape", "dismiss(None)", "Never mind"),
            Binding("enter", "take", "Merge these", priority=True),
            Binding("j", "move(1)", "Down", show=False),
            Binding("k", "move(-1)", "Up", show=False),
        ]
    )

    def __init__(self, machines: Sequence[tuple[Machine, str, bool]]) -> None:
        """Each machine with its name, and whether it is shown now."""
        super().__init__()
        self._machines = machines

    def compose(self) -> ComposeResult:
        with Vertical():
            words = paint(("Merge which machines?", Tone.STRONG), "  space marks, enter merges")
            yield Static(words, markup=False)
            yield Marks(
                *(
                    Selection(paint(Untrusted(name)), number, shown)
                    for number, (_, name, shown) in enumerate(self._machines)
                )
            )

    def action_take(self) -> None:
        chosen = self.query_one(Marks).selected
        self.dismiss(tuple(self._machines[number][0] for number in sorted(chosen)))

    def action_move(self, lines: int) -> None:
        options = self.query_one(Marks)
        options.action_cursor_down() if lines > 0 else options.action_cursor_up()


def exact(name: Untrusted) -> str:
    """The name that is asked for; `refusal` is asked before it is shown or sent."""
    return name.raw
