"""What may be read is an enumeration: no text of anybody's own becomes a command."""

import shlex
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from fleettui import commands
from fleettui.commands import journal
from fleettui.commands.templates import ReadCommand, ReadTemplate, is_time
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, Span

CURSOR = "s=0639;i=1f;b=9c;m=1;t=6;x=a"
EVERY = [
    commands.probe(),
    commands.probe(["a.service", "b\\x2dc@1.timer"], "-5min"),
    commands.probe([], "2026-01-31 10:00:00"),
    commands.copy_file(FLEET_UNITS, "foo@.service"),
    commands.copy_file(SYSTEMD_UNITS, "foo@.service"),
    commands.list_images(),
    commands.unit_changes(datetime(2026, 11, 22, tzinfo=UTC)),
    journal.follow_journal(),
    journal.follow_journal("a\\x2db.mount", Span(None, "yesterday", "now", -1)),
    journal.follow_journal(from_cursor=CURSOR),
    journal.recall_journal("a.service", Span(7), from_cursor=CURSOR),
]
"""Each template at least once."""

NO_ARGUMENTS = [
    (ReadTemplate.PROBE, ("--since=$(reboot)",)),
    (ReadTemplate.PROBE, ("a.service", "--since=-5min")),
    (ReadTemplate.PROBE, ("--since=",)),
    (ReadTemplate.PROBE, ("a;reboot.service",)),
    (ReadTemplate.PROBE, ("-H", "a.service")),
    (ReadTemplate.COPY, (FLEET_UNITS,)),
    (ReadTemplate.COPY, ("/etc", "a.service")),
    (ReadTemplate.COPY, (FLEET_UNITS, "../a.service")),
    (ReadTemplate.COPY, (FLEET_UNITS, "a.service", "b.service")),
    (ReadTemplate.IMAGES, ("x",)),
    (ReadTemplate.UNIT_CHANGES, ()),
    (ReadTemplate.UNIT_CHANGES, ("--since=@1", "--file=/etc/shadow")),
    (ReadTemplate.JOURNAL, ("a.service", "-o", "json")),
    (ReadTemplate.JOURNAL, ("a.service", "-o", "json", "--no-pager", "--vacuum-size=1")),
    (ReadTemplate.JOURNAL, ("a.service", "-o", "json", "--no-pager", "--cursor=a'b")),
    (ReadTemplate.JOURNAL, ("a.service", "-o", "json", "--no-pager", "--lines=7\n")),
    (ReadTemplate.JOURNAL, ("a.service", "-o", "json", "--no-pager", "--since=" + "1" * 65)),
]


def test_each_template_has_a_maker() -> None:
    assert {command.template for command in EVERY} == set(ReadTemplate)


@pytest.mark.parametrize("command", EVERY, ids=lambda c: c.template.name)
def test_a_command_that_is_made_is_the_template_and_what_varies(command: ReadCommand) -> None:
    assert shlex.split(commands.shell_text(command)) == list(command.argv)
    assert command.argv[: len(command.template.value.head)] == command.template.value.head
    assert "sudo" not in command.argv


@pytest.mark.parametrize(("template", "arguments"), NO_ARGUMENTS)
def test_no_other_argument_becomes_a_command(
    template: ReadTemplate, arguments: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="no command is made to read"):
        ReadCommand(template, arguments)


@pytest.mark.parametrize("text", ["rm -rf /", "sh -c id", "", "sudo true"])
@pytest.mark.parametrize("make", [ReadCommand, ReadTemplate], ids=["command", "template"])
def test_text_is_no_template(make: Callable[[object], object], text: str) -> None:
    with pytest.raises((ValueError, AttributeError)):
        make(text)


def test_a_time_is_taken_in_words_that_no_shell_obeys() -> None:
    assert all(
        map(is_time, ["-5min", "yesterday", "2026-01-31 10:00", "10:00 Europe/Berlin", "@1"])
    )
    assert not any(map(is_time, ["", "'", "`x`", "$x", "a\nb", "\u00e4", "x" * 65]))
