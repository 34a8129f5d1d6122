"""The commands that read a unit's journal: following, or to its present end; as oneself or root."""

from dataclasses import dataclass

from msgspec.structs import replace

from fleettui.commands import ChangeCommand
from fleettui.commands.templates import ReadCommand, ReadTemplate
from fleettui.model.host import FLEET_SERVICE, NEWEST, Span
from fleettui.model.names import refusal


@dataclass(frozen=True, slots=True)
class JournalCommands:
    """How one unit's journal is read and followed, as whoever logs in."""

    unit: str
    span: Span = NEWEST

    def read(self, cursor: str | None) -> ReadCommand:
        """What is there."""
        return _reading(self.unit, self.span, cursor)

    def follow(self, cursor: str | None) -> ReadCommand | None:
        """What is written from now on; None where the span has an end."""
        if _is_over(self.span):
            return None
        return follow_journal(self.unit, self.span, from_cursor=cursor)


@dataclass(frozen=True, slots=True)
class RootJournalCommands:
    """The same where the user may not read it: through sudo.

    They change nothing, but run a shell as root, and so are no observer's.
    """

    unit: str
    span: Span = NEWEST

    def read(self, cursor: str | None) -> ChangeCommand:
        """What is there."""
        return _as_root(_reading(self.unit, self.span, cursor))

    def follow(self, cursor: str | None) -> ChangeCommand | None:
        """What is written from now on; None where the span has an end."""
        if _is_over(self.span):
            return None
        return _as_root(follow_journal(self.unit, self.span, from_cursor=cursor))


def follow_journal(
    unit: str = FLEET_SERVICE, span: Span = NEWEST, *, from_cursor: str | None = None
) -> ReadCommand:
    """A unit's journal as JSON lines for as long as standard input stays open.

    With a cursor, that line and all that came after it, whatever the span: `--no-tail`, because
    `-f` alone would cut it to ten. Not `--after-cursor`, which does not tell whether the line is
    still there, and where it is not leaves out the next one (seen with systemd 252).
    """
    if from_cursor:
        return _journalctl(unit, "-f", "--no-tail", f"--cursor={from_cursor}")
    return _journalctl(unit, "-f", *_lines(span, "--no-tail"), *_bounds(span))


def recall_journal(unit: str, span: Span, *, from_cursor: str | None = None) -> ReadCommand:
    """A unit's journal as JSON lines to its present end, every field in full."""
    bounds = _bounds(replace(span, since="") if from_cursor else span)
    begin = (f"--cursor={from_cursor}",) if from_cursor else ()
    return _journalctl(unit, "-a", *_lines(span), *begin, *bounds)


def recall_journal_as_root(
    unit: str, span: Span, *, from_cursor: str | None = None
) -> ChangeCommand:
    """As `recall_journal`, through sudo."""
    return _as_root(recall_journal(unit, span, from_cursor=from_cursor))


def _as_root(command: ReadCommand) -> ChangeCommand:
    return ChangeCommand(("sudo", "-n", *command.argv))


def _is_over(span: Span) -> bool:
    return bool(span.until) or (span.boot is not None and span.boot < 0)


def _reading(unit: str, span: Span, cursor: str | None) -> ReadCommand:
    if cursor:
        rest = replace(span, since="")  # journalctl takes only one of --cursor and --since
        return _journalctl(unit, *_bounds(rest), f"--cursor={cursor}")
    return _journalctl(unit, *_lines(span), *_bounds(span))


def _lines(span: Span, *otherwise: str) -> tuple[str, ...]:
    return (f"--lines={span.lines}",) if span.lines is not None else otherwise


def _bounds(span: Span) -> tuple[str, ...]:
    since = (f"--since={span.since}",) if span.since else ()
    until = (f"--until={span.until}",) if span.until else ()
    boot = (f"--boot={span.boot}",) if span.boot is not None else ()
    return (*since, *until, *boot)


def _journalctl(unit: str, *options: str) -> ReadCommand:
    why = refusal(unit)
    if why is not None:
        raise ValueError(f"no command is made for unit {unit!r}: {why}")
    return ReadCommand(ReadTemplate.JOURNAL, (unit, "-o", "json", "--no-pager", *options))
