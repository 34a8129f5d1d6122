"""How the pieces of a journal line look: names of styles, and their colours in the theme."""

from fleettui.ui.paint import Tone

Bit = tuple[str, str]
"""A piece of a line on the screen and the name of its look; the empty name is the plain one."""

MATCH = "journal--match"
CHOSEN = "journal--chosen"
HIGHLIGHTS = tuple(f"journal--highlight-{n}" for n in range(3))
HOSTS = tuple(f"journal--host-{n}" for n in range(6))

CSS = """
JournalLog {
    .journal--match { background: $warning; color: $background; text-style: bold; }
    .journal--chosen { background: $primary-muted; }
    &:ansi .journal--chosen { text-style: reverse; }
    .journal--highlight-0 { background: $accent-muted; color: $text-accent; text-style: bold; }
    .journal--highlight-1 { background: $success-muted; color: $text-success; text-style: bold; }
    .journal--highlight-2 { background: $secondary; color: $background; text-style: bold; }
    .journal--host-0 { color: $text-primary; }
    .journal--host-1 { color: $text-warning; }
    .journal--host-2 { color: $text-success; }
    .journal--host-3 { color: $text-accent; }
    .journal--host-4 { color: $text-secondary; }
    .journal--host-5 { color: $foreground; text-style: bold; }
}
"""


def tone(name: Tone) -> str:
    """The look of one of the tones that all widgets share."""
    return "" if name is Tone.PLAIN else f"tone--{name}"
