"""The command palette: what every screen offers, and all that keys do in the focused pane."""

from collections.abc import Iterator
from functools import partial

from textual.app import App, SystemCommand
from textual.command import CommandList, CommandPalette
from textual.screen import Screen

_EVERYWHERE = (
    ("Keys", "The keys that work here", "keys"),
    ("Overview", "The whole cluster at a glance", "overview"),
    ("Refresh", "Read everything afresh", "refresh"),
    ("Repairs", "Past repairs and their reports", "repairs"),
    ("Light or dark", "The other of our two themes", "light"),
    ("Theme", "Choose the colours", "change_theme"),
    ("Quit", "Leave fleettui", "leave"),
)
_RIGHTS = ("Rights", "What this observer's credentials could do", "rights")


class Palette(CommandPalette):
    """Textual's. Until its list has a place, and where a terminal is too small for it, that would
    look up lines that are not there, and end the app.
    """

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Turns pages only where there are any."""
        if action == "command_list" and parameters in {("page_up",), ("page_down",)}:
            return bool(self.query_one(CommandList).scrollable_content_region)
        return super().check_action(action, parameters)


def commands(app: App[None], screen: Screen[object], *, rights: bool) -> Iterator[SystemCommand]:
    """All entries, none of which writes to the cluster, nor a file.

    `rights` where there is an observer whose credentials can be told about.
    """
    for title, words, action in (*_EVERYWHERE, *((_RIGHTS,) if rights else ())):
        act = partial(app.call_later, app.run_action, f"app.{action}")
        yield SystemCommand(title, words, act)
    yield from pane_commands(app, screen)


def pane_commands(app: App[None], screen: Screen[object]) -> Iterator[SystemCommand]:
    """All that keys do in the focused pane and its screen."""
    told = set[str]()
    for active in screen.active_bindings.values():
        binding = active.binding
        words = active.tooltip or binding.tooltip or binding.description
        if not words or words in told or active.node is app or not active.enabled:
            continue
        told.add(words)
        act = partial(app.call_later, app.run_action, binding.action, active.node)
        yield SystemCommand(words, f"Key {app.get_key_display(binding)}", act)
