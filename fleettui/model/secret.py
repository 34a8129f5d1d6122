"""A password: a value that shows itself to nobody who does not ask for it by name."""

MASK = "********"


class Secret:
    """Text that must reach no log, no record and no crash text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one connection that needs it."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK
