"""Commands are argv tuples; what a machine's shell makes of them is what was meant."""

import shlex
import subprocess
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui import commands
from fleettui.commands import ChangeCommand, journal, shell_text
from fleettui.commands.templates import ReadCommand
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, Span
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
    lambda name: commands.restore_file(name, SHA, "token"),
    lambda name: commands.restore_link(name, "token"),
    commands.start_unit,
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
@pytest.mark.parametrize(
    "make", MAKERS, ids=["remove file", "remove link", "copy", "restore file", "link", "start"]
)
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
    command = ChangeCommand(("printf", "%s\\0", *AWKWARD))
    ran = subprocess.run(["sh", "-c", shell_text(command)], capture_output=True, check=True)
    assert ran.stdout.decode().split("\0")[:-1] == AWKWARD


CHANGES: list[ChangeCommand] = [
    commands.sudo_works(),
    commands.remove_file("foo@.service", SHA, "token"),
    commands.remove_link("foo@.service", "token"),
    commands.check_quarantine("token"),
    commands.restore_file("foo@.service", SHA, "token"),
    commands.restore_link("foo@.service", "token"),
    commands.start_unit("foo@1.service"),
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
    journal.follow_journal(),
    journal.follow_journal(from_cursor="s=1"),
    journal.recall_journal("a.service", Span(None, "-1h")),
    commands.copy_file(SYSTEMD_UNITS, "foo@.service"),
    commands.unit_changes(datetime(2026, 11, 22, tzinfo=UTC)),
    commands.list_images(),
]


@pytest.mark.parametrize("command", READS, ids=lambda c: c.argv[3][:20])
def test_no_read_asks_for_root(command: ReadCommand) -> None:
    assert "sudo" not in shell_text(command)


def test_the_links_target_is_fleets_file_of_the_same_name() -> None:
    argv = commands.remove_link("foo@.service", "token").argv
    assert argv[6:10] == (SYSTEMD_UNITS, "foo@.service", "link", f"{FLEET_UNITS}/foo@.service")


def test_a_journal_begins_with_its_newest_lines_or_where_it_stopped() -> None:
    assert journal.follow_journal(span=Span(7)).argv[-1] == "--lines=7"
    resumed = journal.follow_journal(from_cursor="s=1;i=2").argv
    assert resumed[-2:] == ("--no-tail", "--cursor=s=1;i=2")


def test_a_span_is_given_in_journalctls_words() -> None:
    argv = journal.follow_journal("a.service", Span(None, "-5min", "now", -1)).argv
    assert argv[4:6] == ("-u", "a.service")
    assert argv[-4:] == ("--no-tail", "--since=-5min", "--until=now", "--boot=-1")


def test_no_journal_is_asked_for_under_a_name_that_no_unit_has() -> None:
    with pytest.raises(ValueError, match="no command is made"):
        journal.follow_journal("--file=/etc/shadow")


def test_a_journal_is_read_as_root_only_by_a_change_command() -> None:
    as_root, as_user = (
        journal.RootJournalCommands("a.service"),
        journal.JournalCommands("a.service"),
    )
    for command, plain in (
        (as_root.read(None), as_user.read(None)),
        (as_root.follow("s=1;i=2"), as_user.follow("s=1;i=2")),
    ):
        assert isinstance(command, ChangeCommand)
        assert isinstance(plain, ReadCommand)
        assert command.argv == ("sudo", "-n", *plain.argv)


def test_a_boot_that_is_over_is_read_and_not_followed() -> None:
    assert journal.JournalCommands("a.service", Span(boot=-1)).follow(None) is None
    assert journal.JournalCommands("a.service", Span(boot=0)).follow(None) is not None


@pytest.mark.parametrize("word", ["--value", "--output-fields", "--cursor-file", "--kill-whom"])
def test_no_option_is_used_that_coreos_machines_do_not_know(word: str) -> None:
    assert not any(word in shell_text(change) for change in CHANGES)
    assert not any(word in shell_text(read) for read in READS)


@pytest.mark.parametrize("token", ["", "-rf", ".", "..", "a/b", "a b", "$(x)", "a\nb", "a" * 81])
def test_no_command_is_made_for_a_repair_of_another_name(token: str) -> None:
    with pytest.raises(ValueError, match="no command is made for a repair"):
        commands.remove_file("foo@.service", SHA, token)
    with pytest.raises(ValueError, match="no command is made for a repair"):
        commands.check_quarantine(token)


def test_no_template_is_started() -> None:
    with pytest.raises(ValueError, match="a template has no process"):
        commands.start_unit("foo@.service")


LONG = "a" * 245 + ".service"


@pytest.mark.parametrize("name", ["foo@.service", "a\\x2db.mount", LONG, f"b{LONG[1:]}"])
def test_what_is_kept_has_a_name_of_its_own_that_no_unit_has(name: str) -> None:
    file = commands.kept_path(name, "file", "t" * 80)
    folder, _, kept = file.rpartition("/")
    assert folder == commands.QUARANTINE
    assert len(kept) <= 255 - len(".99")
    assert refusal(kept) is not None
    others = [commands.kept_path(other, "file", "t" * 80) for other in ("bar@.service", LONG)]
    assert name == LONG or file not in others
    assert file != commands.kept_path(name, "link", "t" * 80)


def test_a_file_is_restored_with_its_mode_and_owner_and_its_bytes_on_standard_input() -> None:
    owned = commands.Owned(0o640, 12, 34)
    command = commands.restore_file("foo@.service", SHA, "t1", owned, b"bytes")
    assert command.argv[6:] == (
        FLEET_UNITS,
        "foo@.service",
        "file",
        SHA,
        commands.QUARANTINE,
        "t1.foo@.service",
        "0640",
        "12:34",
    )
    assert command.stdin == b"bytes"
