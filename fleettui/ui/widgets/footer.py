"""The line of keys at the foot of a screen."""

from textual.app import ComposeResult
from textual.widgets import Footer

from fleettui.ui.letting_go import let_go


class KeyFooter(Footer):
    """Textual's footer, which lets go of the keys that it no longer shows.

    Whenever other keys work, it is composed anew and binds each key to its `compact`, which is
    never set again: every key ever shown would be held, with all that was drawn of it.
    """

    def compose(self) -> ComposeResult:
        let_go(self)
        yield from super().compose()
