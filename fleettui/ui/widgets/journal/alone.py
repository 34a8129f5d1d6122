"""A screen whose journal is a few lines below something else, and can have all of the room."""

from textual.binding import Binding
from textual.screen import Screen

from fleettui.ui.widgets.journal.pane import JournalPane

ALONE = (
    Binding("Z", "zoom", "Zoom", show=False, tooltip="The journal alone, or all again"),
    Binding("escape", "unzoom", "Back", tooltip="Back from the journal"),
)
"""To stand before what else `escape` does on the screen: that comes second."""


class JournalAlone(Screen[None]):
    """Has the class `-alone` while the journal is, which its stylesheet obeys."""

    def action_zoom(self) -> None:
        self.show_journal(alone=not self.has_class("-alone"))

    def action_unzoom(self) -> None:
        self.show_journal(alone=False)

    def show_journal(self, *, alone: bool) -> None:
        """Give it all of the room, and the keys; or as much as it had."""
        self.set_class(alone, "-alone")
        if alone:
            self.query_one(JournalPane).focus()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is nothing to go back to where the journal has neither the room nor the keys."""
        if action != "unzoom":
            return super().check_action(action, parameters)
        return self.has_class("-alone") or self._is_beside_others()

    def _is_beside_others(self) -> bool:
        """Whether the journal has the keys, and something else could have them."""
        return isinstance(self.focused, JournalPane) and len(self.focus_chain) > 1
