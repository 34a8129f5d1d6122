"""Dropping what Textual keeps of widgets that have closed."""

from textual._styles_cache import StylesCache
from textual.dom import DOMNode


def let_go(node: DOMNode) -> None:
    """Drop the bonds of closed widgets to the facts of `node`, and what closed widgets painted.

    Textual drops a bond only when the value is set the next time, and a fact may stay as it is for
    days. And it remembers the colours of a widget's edges by the widget's own store of painted
    lines (`lru_cache` on a method), so that the lines of 1,024 widgets, most of them closed, are
    held. To work the colours out anew costs microseconds.
    """
    for bonds in getattr(node, "__watchers", {}).values():
        bonds[:] = [(bound, heard) for bound, heard in bonds if not bound._closing]
    StylesCache.get_inner_outer.cache_clear()
