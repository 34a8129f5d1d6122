"""Widgets of which parts have styles of their own, each worked out when it is first drawn."""

from collections.abc import Sequence
from typing import Self

from rich.style import Style
from textual.color import Color
from textual.css.styles import RenderStyles
from textual.dom import DOMNode
from textual.filter import LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Collected(Widget):
    """A widget whose lines are collected once for as long as nothing of it changes.

    Textual keeps each line that was drawn; but whenever something is painted it asks all widgets
    around that for all their lines, and collecting those was half of most paintings.
    """

    def __init__(self, *children: Widget, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(*children, id=id)
        self._collected: tuple[Region, Sequence[LineFilter], list[Strip]] | None = None

    def render_lines(self, crop: Region) -> list[Strip]:
        filters = self.get_line_filters()
        if self._collected is None or self._collected[:2] != (crop, filters):
            self._collected = crop, filters, super().render_lines(crop)
        return self._collected[2]

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        self.forget()
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def forget(self) -> None:
        """What was worked out for one painting is worked out anew for the next."""
        self._collected = None


class Parts(Collected):
    """A widget that draws its parts itself; in its stylesheet they are classes below it.

    Textual's way is a set of COMPONENT_CLASSES, all of which it styles anew with the widget: when
    it is mounted, when its screen is shown, when the focus comes and goes. Few of two dozen tones
    are on the screen at a time, and styling the others was a tenth of the start.
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self._base: Style | None = None
        self._looks: dict[tuple[str, Style], Style] = {}

    @property
    def base(self) -> Style:
        """The style of the widget itself. It is kept until the next refresh: there are many lines
        to a screen, and for each Textual would go through all that lies behind them.
        """
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def forget(self) -> None:
        super().forget()
        self._base = None

    def get_component_styles(self, *names: str) -> RenderStyles:
        """The styles of these parts, one over the other."""
        for name in names:
            if name not in self._component_styles:
                self._component_styles[name] = self._styles_of(name)
        return super().get_component_styles(*names)

    def _styles_of(self, name: str) -> RenderStyles:
        part = DOMNode(classes=name)
        part._attach(self)
        self.app.stylesheet.apply(part)
        return part.styles

    def notify_style_update(self) -> None:
        """What was worked out may hold no longer."""
        super().notify_style_update()
        self._component_styles.clear()
        self._looks.clear()

    def look(self, name: str, base: Style) -> Style:
        """A part's style over `base`, its colour mixed with what lies behind it.

        Textual gives such a style without its transparency, which is all that makes text muted.
        """
        style = self._looks.get((name, base))
        if style is None:
            style = self._looks[name, base] = self._mixed(name, base)
        return style

    def _mixed(self, name: str, base: Style) -> Style:
        style = base + self.get_component_rich_style(name, partial=True)
        opacity = self.get_component_styles(name).color.a
        if opacity == 1 or style.color is None or style.bgcolor is None:
            return style
        behind = Color.from_rich_color(style.bgcolor)
        mixed = behind.blend(Color.from_rich_color(style.color), opacity)
        return style + Style(color=mixed.rich_color)
