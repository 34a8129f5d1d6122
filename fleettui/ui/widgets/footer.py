"""The line of keys at the foot of a screen."""

from textual.app import ComposeResult
from textual.widgets import Footer


class KeyFooter(Footer):
    """Textual's footer, which lets go of the keys that it no longer shows.

    Whenever other keys work, it is composed anew and binds each key to its `compact`. Textual
    drops such a bond to a widget that has closed only when the value is set the next time, which
    would be never: every key ever shown would be held, with all that was drawn of it.
    """

    def compose(self) -> ComposeResult:
        self.mutate_reactive(Footer.compact)
        yield from super().compose()
