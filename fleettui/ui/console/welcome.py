"""The one line that a newcomer reads: shown on the first start, gone with the first key."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

from textual.content import Content
from textual.widgets import Static

from fleettui.ui.keys import action_name
from fleettui.ui.paint import Piece, Tone, paint

_TOLD = {
    "repair": "repairs step by step",
    "details": "explains a row",
    "keys": "lists all keys",
}
"""The three that a newcomer needs, by the name of what they do."""


class Welcome(Static):
    """Names the keys as they are set."""

    DEFAULT_CSS = """
    Welcome {
        height: 1;
        text-wrap: nowrap;
        text-overflow: ellipsis;
        padding: 0 1;
        background: $primary-muted;
        color: $foreground;
    }
    """

    def __init__(self) -> None:
        super().__init__(id="welcome", markup=False)

    def on_mount(self) -> None:
        keys: dict[str, str] = {}
        for active in self.screen.active_bindings.values():
            display = self.app.get_key_display(active.binding)
            keys.setdefault(action_name(active.binding.action), display)
        self.update(welcome_line(keys))


def welcome_line(keys: Mapping[str, str]) -> Content:
    """`keys` by the name of what they do."""
    pieces: list[Piece] = [("New here?  ", Tone.STRONG)]
    for name, words in _TOLD.items():
        if name in keys:
            pieces += [(keys[name], Tone.ACCENT), f" {words}   "]
    return paint(*pieces, ("any key: this line goes", Tone.DIM))


def is_welcome_due(kept: Path | None) -> bool:
    """Whether this is a first start; `kept` is the file that says that it is not."""
    return kept is not None and not kept.exists()


def keep_welcome(kept: Path) -> None:
    """Remember that it was read. Where that cannot be written, it comes again."""
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        kept.touch(mode=0o600)
