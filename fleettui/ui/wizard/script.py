"""The remaining steps as a shell script, handed to the operator in two ways at once."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from fleettui.access import ClusterAddress
from fleettui.repair.planning.action import Stage
from fleettui.repair.planning.plan import Plan
from fleettui.repair.script.script import SshTarget, as_script
from fleettui.ui.dialogs.dialog import Dialog
from fleettui.ui.keys import named
from fleettui.ui.paint import Tone, paint, paint_lines
from fleettui.ui.repairs.keep import keep_text


class ScriptScreen(Dialog[None]):
    """Says where the script went, with room for a path that can be read and copied."""

    CSS_PATH = "script.tcss"
    BINDINGS: ClassVar[list[BindingType]] = named(
        [Binding("escape,enter,y,f3", "dismiss", "Close")]
    )

    def __init__(self, words: Content) -> None:
        super().__init__()
        self._words = words

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(self._words, markup=False)


def hand_over(
    screen: Screen[None],
    plan: Plan,
    done: Sequence[Stage],
    cluster: ClusterAddress,
    records: Path,
) -> None:
    """Send it to the terminal's clipboard, keep it as a file, and say both."""
    try:
        script = remaining_script(plan, done, cluster)
    except ValueError as reason:
        screen.notify(f"No script can be made: {reason}", severity="warning", markup=False)
        return
    screen.app.copy_to_clipboard(script)
    path, problem = records / "scripts" / f"{plan.token}.sh", ""
    try:
        keep_text(path, script, runs=True)
    except OSError as disk:
        problem = disk.strerror or str(disk)
    screen.app.push_screen(ScriptScreen(paint_lines(_told(path, problem))))


def _told(path: Path, problem: str) -> Iterator[Content]:
    yield paint(("The remaining steps, as a shell script", Tone.STRONG))
    yield paint("")
    yield paint("It was sent to the terminal's clipboard (OSC 52).")
    yield paint("A terminal does not tell if it took it: look before you paste.")
    yield paint("")
    if problem:
        yield paint((f"It could not be kept as a file: {problem}", Tone.WARN))
    else:
        yield paint("It is also in this file, which only you can read:")
        yield paint((str(path), Tone.ACCENT))
    yield paint("")
    yield paint(("enter or escape closes", Tone.DIM))


def remaining_script(plan: Plan, done: Sequence[Stage], cluster: ClusterAddress) -> str:
    """What is left of the plan, for a POSIX shell. Raises ValueError where none can be made."""
    machine = plan.machine
    reached = (cluster.username, cluster.port, cluster.addresses)
    ssh = SshTarget.of(machine, *reached) if machine else None
    return as_script(plan, done, cluster.endpoints[0], cluster.prefix, ssh)
