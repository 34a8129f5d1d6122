"""The line of keys at the foot of a screen."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

import msgspec
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import ActiveBinding
from textual.content import Content
from textual.events import MouseDown, MouseMove, MouseScrollDown, MouseScrollUp
from textual.reactive import reactive
from textual.screen import Screen
from textual.strip import Strip

from fleettui.ui.widgets.parts import Parts

_SCROLLED = 6
"""Columns that one turn of the wheel moves keys that have no room."""


class FooterKey(msgspec.Struct, frozen=True):
    """A key, and what it does here."""

    key: str
    action: str
    shown: str
    words: str
    enabled: bool
    tooltip: str

    @property
    def width(self) -> int:
        """Columns: a space around the key, one after the words."""
        return cell_len(self.shown) + cell_len(self.words) + (3 if self.words else 2)


def _width(keys: Iterable[FooterKey]) -> int:
    return sum(key.width for key in keys)


class KeyFooter(Parts, can_focus=False):
    """The keys that work right now, each to be clicked; the palette's stands at the right.

    Where not all have room, the last, which lists them all, stands there, and no other is cut at
    the right: the wheel moves them.

    One widget that draws a line. Textual's own footer makes a widget of each key whenever other
    keys work, and styling those is as much work as all the rest of the first screen.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeyFooter {
        dock: bottom;
        height: 1;
        background: $panel;
        color: $footer-foreground;
        &:hover { pointer: pointer; }
        .footer--key { color: $footer-key-foreground; text-style: bold; }
        .footer--words { color: $footer-description-foreground; }
        /* What cannot be done now is struck out: still to be read, and told without colour. */
        .footer--disabled { color: $text-disabled; text-style: strike; }
        .footer--hover { background: $block-hover-background; }
        .footer--edge { color: $foreground 20%; }
    }
    """

    keys: reactive[tuple[FooterKey, ...]] = reactive(())
    palette: reactive[FooterKey | None] = reactive(None)
    left: reactive[int] = reactive(0)
    """Columns of the keys that are scrolled out at the left."""
    under: reactive[FooterKey | None] = reactive(None)
    """The key under the mouse."""

    def __init__(self, *, show_command_palette: bool = True) -> None:
        super().__init__()
        self._shows_palette = show_command_palette

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def _bindings_changed(self, screen: Screen[object]) -> None:
        if screen.app.app_focus and self.is_attached and screen is self.screen:
            self.call_after_refresh(self._take_keys)

    def _take_keys(self) -> None:
        if not self.is_attached:
            return  # its screen was closed meanwhile
        shown: dict[str, FooterKey] = {}
        active = self.screen.active_bindings
        for one in active.values():
            key = self._key_of(one)
            if one.binding.show and not self._is_typed(key.shown):
                shown.setdefault(one.binding.action, key)
        palette = active.get(self.app.COMMAND_PALETTE_BINDING) if self._shows_palette else None
        self.keys = tuple(shown.values())
        self.palette = self._key_of(palette) if palette is not None else None

    def _key_of(self, active: ActiveBinding) -> FooterKey:
        binding = active.binding
        shown = self.app.get_key_display(binding)
        if self._is_typed(shown):
            shown = self.app.get_key_display(replace(binding, key_display=None))
        return FooterKey(
            binding.key,
            binding.action,
            shown,
            binding.description,
            active.enabled,
            active.tooltip or binding.tooltip or binding.description,
        )

    def _is_typed(self, shown: str) -> bool:
        """Whether a key does nothing but stand in the line that is being typed."""
        focused = self.screen.focused
        if focused is None or len(shown) != 1 or not shown.isascii():  # `⏎` is a name, no letter
            return False
        return focused.check_consume_key(shown, shown)

    def validate_left(self, left: int) -> int:
        return max(0, min(left, _width(self._moving) - self._room))

    @property
    def _fixed(self) -> FooterKey | None:
        """The key that stands at the right."""
        if self.palette is None and _width(self.keys) > self.size.width:
            return self.keys[-1]
        return self.palette

    @property
    def _moving(self) -> Sequence[FooterKey]:
        """The keys that share what room is left."""
        return self.keys if self._fixed is self.palette else self.keys[:-1]

    @property
    def _room(self) -> int:
        """Columns for all keys but the fixed one, which has an edge and a column behind it."""
        return self.size.width - (self._fixed.width + 2 if self._fixed else 0)

    @property
    def _end(self) -> int:
        """The column, before any scrolling, behind the last key that is seen whole."""
        ends = accumulate(key.width for key in self._moving)
        return max((end for end in ends if end <= self.left + self._room), default=0)

    def render_line(self, y: int) -> Strip:
        base = self.base
        keys = Strip([part for key in self._moving for part in self._drawn(key)])
        line = keys.apply_offsets(0, y).crop(self.left, max(self._end, self.left))
        line = line.adjust_cell_length(max(self._room, 0), base)
        fixed = self._fixed
        if fixed is None:
            return line
        edge = self.look("footer--edge", base)
        end = [Segment("▏", edge), *self._drawn(fixed), Segment(" ", base)]
        return Strip.join([line, Strip(end)]).crop(0, self.size.width)

    def _drawn(self, key: FooterKey) -> Iterator[Segment]:
        base = self.base
        if key == self.under:
            base += self.get_component_rich_style("footer--hover", partial=True)
        yield Segment(f" {key.shown} ", self._look("footer--key", key, base))
        if key.words:
            yield Segment(f"{key.words} ", self._look("footer--words", key, base))

    def _look(self, name: str, key: FooterKey, base: Style) -> Style:
        return self.look(name if key.enabled else "footer--disabled", base)

    def key_at(self, x: int) -> FooterKey | None:
        """The key that is drawn at a column."""
        fixed = self._fixed
        if fixed is not None and x >= self._room:
            return fixed if self._room < x <= self._room + fixed.width else None
        x += self.left
        if x >= self._end:
            return None
        for key in self._moving:
            if x < key.width:
                return key
            x -= key.width
        return None

    def on_mouse_down(self, event: MouseDown) -> None:
        key = self.key_at(event.x)
        if key is not None and key.enabled:
            self.app.simulate_key(key.key)
        elif key is not None:
            self.app.bell()

    def on_mouse_move(self, event: MouseMove) -> None:
        self.under = self.key_at(event.x)

    def on_leave(self) -> None:
        self.under = None

    def watch_under(self, under: FooterKey | None) -> None:
        self.with_tooltip(Content(under.tooltip) if under else None)  # no markup

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.left += _SCROLLED

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.left -= _SCROLLED
