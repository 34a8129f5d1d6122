"""Screens that come to rest in the size that the terminal has, however fast it is resized."""

from textual.events import Resize
from textual.screen import Screen


class Rests(Screen[None]):
    """A screen of which a part sends a message whenever its size changes.

    Textual tells a screen each size once more after its layout. Where two sizes are on their way at
    once, and another message comes between them, each would be laid out again because of the other,
    for ever: so a size that is not the terminal's any more gives way to the one that is.
    """

    def on_resize(self, event: Resize) -> None:
        size = self.app.size
        if event.size != size:
            event.prevent_default()
            self.post_message(Resize(size, size))
