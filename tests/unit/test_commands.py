"""Commands are argv tuples; what a machine's shell makes of them is what was meant."""

import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui import commands
from fleettui.commands import ChangeCommand, ReadCommand, shell_text
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS
from fleettui.model.names import refusal

SHA = "0f" * 32
HOSTILE = [
    "",
    ".",
    "..",
    "../foo.service",
    "/etc/foo.service",
    "foo.service\n",
    "foo;reboot.service",
    "$(reboot).service",
    "`reboot`.service",
    "foo bar.service",
    "-rf.service",
    "--help.service",
    ".hidden.service",
    "foo'.service",
    'foo".service',
    "foo*.service",
    "foo?.service",
    "foo[1].service",
    "foo\x00.service",
    "f\u00f6\u00f6.service",
    "foo\u202e.service",
    "foo",
    "foo.target",
    "foo.service.bak",
    "a" * 300 + ".service",
]
MAKERS = [
    lambda name: commands.remove_file(name, SHA, "token"),
    lambda name: commands.remove_link(name, "token"),
    lambda name: commands.copy_file(FLEET_UNITS, name),
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
@pytest.mark.parametrize("make", MAKERS, ids=["remove file", "remove link", "copy"])
def test_no_command_is_made_for_a_name_that_no_unit_has(make: object, name: str) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match="no command is made"):
        make(name)


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_probe_leaves_out_what_no_unit_is_called(name: str) -> None:
    assert commands.probe([name, "good.service"]).argv[4:] == ("good.service",)


def test_a_probe_leaves_out_templates_because_systemctl_refuses_them() -> None:
    assert commands.probe(["foo@.service", "foo@1.service"]).argv[4:] == ("foo@1.service",)


@pytest.mark.parametrize("folder", ["", "/", "/etc", "/run/fleet/units/", "/run/fleet/units/.."])
def test_no_file_is_copied_from_another_folder(folder: str) -> None:
    with pytest.raises(ValueError, match="no command is made"):
        commands.copy_file(folder, "foo.service")


@settings(max_examples=300, deadline=None, database=None)
@given(st.text(max_size=60))
def test_a_name_is_refused_or_travels_as_one_argument_unchanged(name: str) -> None:
    if refusal(name) is not None:
        with pytest.raises(ValueError, match="no command is made"):
            commands.remove_file(name, SHA, "token")
        return
    argv = shlex.split(shell_text(commands.remove_file(name, SHA, "token")))
    assert argv[6:8] == [FLEET_UNITS, name]


AWKWARD = ["a b", "$(reboot)", "`x`", "'", '"', "\\", "a\nb", "*", "~", "!", "", "-n", "\u00e9"]


def test_a_shell_gives_every_argument_back_as_it_was() -> None:
    command = ReadCommand(("printf", "%s\\0", *AWKWARD))
    ran = subprocess.run(["sh", "-c", shell_text(command)], capture_output=True, check=True)
    assert ran.stdout.decode().split("\0")[:-1] == AWKWARD


CHANGES: list[ChangeCommand] = [
    commands.sudo_works(),
    commands.remove_file("foo@.service", SHA, "token"),
    commands.remove_link("foo@.service", "token"),
    commands.daemon_reload(),
    commands.restart_fleet(),
    commands.kill_fleet(),
    commands.start_fleet(),
]


@pytest.mark.parametrize("command", CHANGES, ids=lambda c: " ".join(c.argv[:4]))
def test_every_change_asks_for_root_without_a_password(command: ChangeCommand) -> None:
    assert command.argv[:2] == ("sudo", "-n")


READS: list[ReadCommand] = [
    commands.probe(),
    commands.follow_journal(),
    commands.follow_journal(after_cursor="s=1"),
    commands.copy_file(SYSTEMD_UNITS, "foo@.service"),
]


@pytest.mark.parametrize("command", READS, ids=lambda c: c.argv[3])
def test_no_read_asks_for_root(command: ReadCommand) -> None:
    assert "sudo" not in shell_text(command)


def test_the_links_target_is_fleets_file_of_the_same_name() -> None:
    argv = commands.remove_link("foo@.service", "token").argv
    assert argv[6:10] == (SYSTEMD_UNITS, "foo@.service", "link", f"{FLEET_UNITS}/foo@.service")


def test_a_journal_begins_with_its_newest_lines_or_behind_a_cursor() -> None:
    assert commands.follow_journal(lines=7).argv[-2:] == ("-n", "7")
    resumed = commands.follow_journal(after_cursor="s=1;i=2").argv
    assert resumed[-2:] == ("--no-tail", "--after-cursor=s=1;i=2")


@pytest.mark.parametrize("word", ["--value", "--output-fields", "--cursor-file", "--kill-whom"])
def test_no_option_is_used_that_coreos_machines_do_not_know(word: str) -> None:
    assert not any(word in shell_text(change) for change in CHANGES)
    assert not any(word in shell_text(read) for read in READS)
