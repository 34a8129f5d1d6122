"""Lines of text: the rest of one that is too long stays below its own beginning."""

import re
from collections.abc import Iterable

from textual.content import Content
from textual.css.styles import RulesMap
from textual.strip import Strip
from textual.style import Style
from textual.visual import RenderOptions, Visual

_BEGINNING = re.compile(r" *(?:[^\w\s/] |\d+\. |[A-Z][a-z]+: |[A-Z][a-z]+(?: [a-z]+)*   )?")
"""Blanks, then an item's mark or number, or a label: what follows is what the rest stays below."""
NARROWEST = 24
"""Columns that text keeps, however far it begins from the left."""


class Hanging(Visual):
    """Logical lines, wrapped anew for each width."""

    def __init__(self, lines: Iterable[Content]) -> None:
        self._lines = tuple(lines)
        self._wrapped: tuple[int, Content] = (0, Content(""))

    def at(self, width: int) -> Content:
        """The same lines, none of them longer than `width` columns where words allow that."""
        if self._wrapped[0] != width:
            lines = (part for line in self._lines for part in _wrapped(line, width))
            self._wrapped = width, Content("\n").join(list(lines))
        return self._wrapped[1]

    def render_strips(
        self, width: int, height: int | None, style: Style, options: RenderOptions
    ) -> list[Strip]:
        return self.at(width).render_strips(width, height, style, options)

    def get_optimal_width(self, rules: RulesMap, container_width: int) -> int:
        return max((line.cell_length for line in self._lines), default=0)

    def get_minimal_width(self, rules: RulesMap) -> int:
        return 1

    def get_height(self, rules: RulesMap, width: int) -> int:
        return self.at(width).get_height(rules, width)


def _wrapped(line: Content, width: int) -> list[Content]:
    if line.cell_length <= width:
        return [line]
    found = _BEGINNING.match(line.plain)
    hang = min(found.end() if found else 0, max(width - NARROWEST, 0))
    first, *rest = (part.rstrip() for part in line[hang:].wrap(width - hang))
    return [line[:hang] + first, *(part.pad_left(hang) for part in rest)]
