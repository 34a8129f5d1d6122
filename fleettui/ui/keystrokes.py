"""Keys that were typed in one breath, each given to what the one before it has left in focus."""

from collections import deque
from time import monotonic

from textual.app import App
from textual.dom import DOMNode
from textual.events import Event, Key, Paste
from textual.message_pump import MessagePump

LONGEST = 0.5
"""Seconds that a key waits for the one before it: a widget that hangs must not hold back ctrl+c."""


class InOrder(App[None]):
    """An app to which one can type ahead.

    Textual chooses a key's widget when the key comes, while the key before it is under way yet:
    of `/` and a word typed at once, the word would go where the `/` went.
    """

    def __init__(self) -> None:
        super().__init__()
        self._typed: deque[Key | Paste] = deque()
        self._typed_since: float | None = None
        """When the key that is under way was let go; None where none is."""

    async def on_event(self, event: Event) -> None:
        """A key that comes from the terminal waits for its turn; all else has none."""
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        self._typed.append(event)
        if self._typed_since is None or monotonic() - self._typed_since > LONGEST:
            await self._next_key()

    async def _next_key(self) -> None:
        self._typed_since = monotonic() if self._typed else None
        if self._typed:
            target = self.focused or self.screen
            await super().on_event(self._typed.popleft())
            self._climb_after(target, self._typed_since)

    def _climb_after(self, node: DOMNode | None, since: float | None) -> None:
        """Follow a key upwards: where it was handled its parent has got it already."""
        pump: MessagePump = self if node is None or node is self else node
        above = self._settle if pump is self else self._rise
        if not pump.call_later(above, node, since):
            self.call_later(self._settle, None, since)  # it was closed by that very key

    def _rise(self, node: DOMNode, since: float | None) -> None:
        self._climb_after(node.parent, since)

    def _settle(self, _: DOMNode | None, since: float | None) -> None:
        """The key was handled; what it asked for, such as the focus, is next in the queue."""
        self.call_later(self._go_on, since)

    async def _go_on(self, since: float | None) -> None:
        if since == self._typed_since:  # else the next one has not waited
            await self._next_key()
