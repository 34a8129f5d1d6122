"""What may be read is an enumeration: no text of anybody's own becomes a command."""

import shlex
from collections.abc import Callable

import pytest
from read_commands import EVERY, NO_ARGUMENTS

from fleettui import commands
from fleettui.commands.templates import ReadCommand, ReadTemplate, is_time


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
