"""A password: a value that shows itself to nobody who does not ask for it by name."""

from dataclasses import dataclass, field

MASK = "********"


@dataclass(frozen=True, slots=True)
class Secret:
    """Text that must reach no log, no record and no crash text."""

    _text: str = field(repr=False)

    def reveal(self) -> str:
        """The text itself, for the one connection that needs it."""
        return self._text

    def __str__(self) -> str:
        return MASK
