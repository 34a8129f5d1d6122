"""The scripts, run by real shells in temporary folders."""

import hashlib
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from unit_folders import NAME, SHA, SHELLS, TEXT, TOKEN, UnitFolders, run

from fleettui.commands.scripts import COPY_SCRIPT, JOURNAL_SCRIPT, PROBE_SCRIPT
from fleettui.hosts.copies import read_copy
from fleettui.hosts.probe import read_probe
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, EntryKind, HostFacts
from fleettui.model.untrusted import Untrusted


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def units(tmp_path: Path, shell: str) -> UnitFolders:
    return UnitFolders(tmp_path.resolve(), shell)


# --- removing --------------------------------------------------------------------------------


def test_the_expected_file_is_moved_into_quarantine_byte_for_byte(units: UnitFolders) -> None:
    kept = units.quarantine / f"{TOKEN}.file"
    assert units.remove_file() == f"removed\n{kept}\n"
    assert not units.file.exists()
    assert kept.read_bytes() == TEXT
    assert stat.S_IMODE(units.quarantine.stat().st_mode) == 0o700


def test_the_expected_link_is_moved_and_its_file_stays(units: UnitFolders) -> None:
    kept = units.quarantine / f"{TOKEN}.link"
    assert units.remove_link() == f"removed\n{kept}\n"
    assert not units.link.is_symlink()
    assert kept.readlink() == units.file
    assert units.file.read_bytes() == TEXT


def test_a_link_whose_file_is_gone_is_still_removed(units: UnitFolders) -> None:
    units.file.unlink()
    assert units.remove_link().startswith("removed\n")


def test_what_is_not_there_is_absent_and_no_quarantine_is_made(units: UnitFolders) -> None:
    assert units.remove_file("bar@.service") == "absent\n"
    assert units.remove_link("bar@.service") == "absent\n"
    assert not units.quarantine.exists()


def test_a_second_removal_finds_nothing_and_harms_nothing(units: UnitFolders) -> None:
    units.remove_file()
    assert units.remove_file() == "absent\n"
    assert (units.quarantine / f"{TOKEN}.file").read_bytes() == TEXT


def untouched(units: UnitFolders) -> bool:
    return not units.quarantine.exists() or not list(units.quarantine.iterdir())


def test_a_file_with_other_bytes_is_refused_with_its_hash(units: UnitFolders) -> None:
    units.file.write_bytes(b"other")
    other = hashlib.sha256(b"other").hexdigest()
    said = units.remove_file()
    assert said == f"refused\n{units.file} is a file with sha256 {other}\n"
    assert units.file.read_bytes() == b"other"
    assert untouched(units)


def make_link(units: UnitFolders) -> None:
    target = units.file.rename(units.fleet / "elsewhere")
    units.file.symlink_to(target)


def make_hard_link(units: UnitFolders) -> None:
    (units.fleet / "twin").hardlink_to(units.file)


def make_folder(units: UnitFolders) -> None:
    units.file.unlink()
    units.file.mkdir()


def make_fifo(units: UnitFolders) -> None:
    units.file.unlink()
    os.mkfifo(units.file)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (make_link, "a symbolic link"),
        (make_hard_link, "a file with more than one hard link"),
        (make_folder, "not a regular file"),
        (make_fifo, "not a regular file"),
    ],
)
def test_what_is_no_plain_file_is_refused(
    units: UnitFolders, change: Callable[[UnitFolders], None], words: str
) -> None:
    change(units)
    assert units.remove_file() == f"refused\n{units.file} is {words}\n"
    assert os.path.lexists(units.file)
    assert untouched(units)


@pytest.mark.parametrize("target", ["/etc/passwd", "fleet/foo@.service", "/run/a\nb", "/run/x "])
def test_a_link_that_points_elsewhere_is_refused_with_its_target(
    units: UnitFolders, target: str
) -> None:
    units.link.unlink()
    units.link.symlink_to(target)
    assert units.remove_link() == f"refused\n{units.link} is a link to {target}\n"
    assert units.link.is_symlink()


def test_a_link_to_the_expected_path_and_a_newline_is_another_link(units: UnitFolders) -> None:
    units.link.unlink()
    units.link.symlink_to(f"{units.file}\n")
    assert units.remove_link().startswith("refused\n")


def test_a_file_where_the_link_should_be_is_refused(units: UnitFolders) -> None:
    units.link.unlink()
    units.link.write_bytes(TEXT)
    assert units.remove_link() == f"refused\n{units.link} is not a symbolic link\n"


def test_a_folder_that_is_really_another_is_refused(units: UnitFolders) -> None:
    other = units.fleet.parent / "other"
    other.symlink_to(units.fleet)
    said = units.remove_file(folder=other)
    assert said == f"refused\n{other} is really {units.fleet}\n"
    assert units.file.exists()


def test_a_folder_that_is_not_there_is_refused(units: UnitFolders) -> None:
    assert units.remove_file(folder=units.fleet / "no").startswith("refused\ncannot enter ")


HOSTILE = [
    "$(touch pwned).service",
    "`touch pwned`.service",
    "; touch pwned ;.service",
    "a b.service",
    "a\nb.service",
    "-rf",
    "--help",
    "*",
    "?oo@.service",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "\\",
    "\x1b[31m.service",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_name_is_only_ever_a_name(units: UnitFolders, name: str) -> None:
    # Names like these never get this far; the script holds all the same.
    (units.fleet / name).write_bytes(TEXT)
    assert units.remove_file(name).startswith("removed\n")
    assert not (units.fleet / name).exists()
    assert units.file.exists()
    assert not list(units.fleet.parent.rglob("pwned"))


def test_a_hostile_name_that_is_absent_runs_nothing(units: UnitFolders) -> None:
    for name in HOSTILE:
        assert units.remove_file(name) == "absent\n"
    assert units.file.exists()
    assert not list(units.fleet.parent.rglob("pwned"))


def test_a_kept_file_is_never_overwritten(units: UnitFolders) -> None:
    units.quarantine.mkdir(parents=True)
    units.kept().symlink_to("/nowhere")
    units.kept(nth="2.").write_text("kept before")
    assert units.remove_file() == f"removed\n{units.kept(nth='3.')}\n"
    assert units.kept(nth="3.").read_bytes() == TEXT
    assert units.kept(nth="2.").read_text() == "kept before"
    assert units.kept().is_symlink()


def test_a_quarantine_full_of_one_name_stops_before_the_change(units: UnitFolders) -> None:
    units.quarantine.mkdir(parents=True)
    for nth in ("", *(f"{n}." for n in range(2, 101))):
        units.kept(nth=nth).touch()
    assert units.remove_file().endswith("and all before it are there already\n")
    assert units.file.read_bytes() == TEXT


def test_a_quarantine_that_cannot_be_made_stops_before_the_change(units: UnitFolders) -> None:
    units.quarantine.parent.write_text("in the way")
    said = units.remove_file()
    assert said.startswith(f"refused\ncannot make {units.quarantine}: ")
    assert "Not a directory" in said
    assert units.file.read_bytes() == TEXT


def test_a_kind_the_script_does_not_know_removes_nothing(units: UnitFolders) -> None:
    assert units.remove(units.fleet, NAME, "folder", SHA).startswith("refused\n")
    assert units.file.exists()


def test_a_file_swapped_between_check_and_rename_is_put_back(units: UnitFolders) -> None:
    mv = shutil.which("mv")
    marker = units.bin / "swapped"
    units.stub(
        "mv",
        f'[ -e "{marker}" ] || {{ : > "{marker}"; printf other > "{units.file}"; }}\n'
        f'exec {mv} "$@"',
    )
    said = units.remove_file()
    assert said.startswith(f"refused\n{units.file} changed while it was being removed and was put")
    assert units.file.read_bytes() == b"other"
    assert untouched(units)


def test_a_file_swapped_and_written_anew_is_kept_and_named(units: UnitFolders) -> None:
    mv = shutil.which("mv")
    units.stub(
        "mv",
        f'printf other > "{units.file}"; {mv} "$@"; printf third > "{units.file}"',
    )
    kept = units.quarantine / f"{TOKEN}.file"
    said = units.remove_file()
    assert said.startswith(f"refused\n{units.file} changed while it was being removed: it is ")
    assert said.endswith(f"kept as {kept}\n")
    assert (units.file.read_bytes(), kept.read_bytes()) == (b"third", b"other")


def test_a_rename_that_fails_is_told_and_the_file_stays(units: UnitFolders) -> None:
    units.stub("mv", "echo 'mv: no space' >&2; exit 1")
    assert units.remove_file() == f"refused\ncould not rename {units.file}: mv: no space\n"
    assert units.file.read_bytes() == TEXT


# --- copying ---------------------------------------------------------------------------------


def test_a_copy_brings_bytes_mode_and_owner(units: UnitFolders) -> None:
    units.file.write_bytes(b"a\0\xff\n\n")
    units.file.chmod(0o640)
    ran = run(units.shell, COPY_SCRIPT, (units.fleet, NAME))
    copy = read_copy(ran.stdout)
    assert (copy.content, copy.mode, copy.uid) == (b"a\0\xff\n\n", 0o640, os.getuid())


@pytest.mark.parametrize("change", [make_link, make_folder, make_fifo])
def test_what_is_no_plain_file_is_not_copied(
    units: UnitFolders, change: Callable[[UnitFolders], None]
) -> None:
    change(units)
    ran = run(units.shell, COPY_SCRIPT, (units.fleet, NAME))
    assert (ran.returncode, ran.stdout) == (3, b"")


def test_nothing_is_copied_out_of_a_folder_that_is_really_another(units: UnitFolders) -> None:
    other = units.fleet.parent / "other"
    other.symlink_to(units.fleet)
    assert run(units.shell, COPY_SCRIPT, (other, NAME)).returncode == 3


# --- probing ---------------------------------------------------------------------------------

SYSTEMCTL = r"""
shift_to=0
for arg; do
  [ "$shift_to" = 1 ] && printf 'Id=%s\nNames=%s\nActiveState=active\nMainPID=7\n\n' "$arg" "$arg"
  [ "$arg" = -- ] && shift_to=1
done
"""
JOURNALCTL = r"""echo '{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1","MESSAGE":"'"$*"'"}'"""


def probed(units: UnitFolders, *args: str) -> HostFacts:
    """Run the probe script on the temporary folders as if they were the machine's."""
    moved = PROBE_SCRIPT.replace(FLEET_UNITS, str(units.fleet))
    moved = moved.replace(SYSTEMD_UNITS, str(units.systemd))
    moved = moved.replace("/etc/machine-id", str(units.bin / "machine-id"))
    (units.bin / "machine-id").write_text("ab" * 16 + "\n")
    env = os.environ | {"PATH": f"{units.bin}:{os.environ['PATH']}"}
    answer = run(units.shell, moved, args, env).stdout
    answer = answer.replace(f"folder\0{units.fleet}\0{units.fleet}".encode(), _folder(FLEET_UNITS))
    answer = answer.replace(
        f"folder\0{units.systemd}\0{units.systemd}".encode(), _folder(SYSTEMD_UNITS)
    )
    answer = answer.replace(f"missing\0{units.fleet}".encode(), f"missing\0{FLEET_UNITS}".encode())
    return read_probe(answer, Untrusted("id"), datetime.now(UTC), args)


def _folder(path: str) -> bytes:
    return f"folder\0{path}\0{path}".encode()


@pytest.fixture
def machine(units: UnitFolders) -> UnitFolders:
    units.stub("systemctl", SYSTEMCTL)
    units.stub("journalctl", JOURNALCTL)
    return units


def test_a_probe_tells_files_links_and_hashes_of_both_folders(machine: UnitFolders) -> None:
    (machine.fleet / "real.service").write_bytes(b"x")
    facts = probed(machine)
    fleet = facts.folders[FLEET_UNITS].entries
    assert fleet[Untrusted(NAME)].sha256 == SHA
    assert fleet[Untrusted(NAME)].size == len(TEXT)
    assert fleet[Untrusted("real.service")].sha256 == hashlib.sha256(b"x").hexdigest()
    link = facts.folders[SYSTEMD_UNITS].entries[Untrusted(NAME)]
    assert (link.kind, link.target, link.sha256) == (
        EntryKind.LINK,
        Untrusted(str(machine.file)),
        None,
    )


def test_a_probe_shows_fleet_the_units_asked_for_and_those_of_the_folder_without_templates(
    machine: UnitFolders,
) -> None:
    (machine.fleet / "real.service").write_bytes(b"x")
    (machine.fleet / "foo@1.service").write_bytes(b"x")
    facts = probed(machine, "asked.service")
    assert {name.raw for name in facts.services} == {
        "fleet.service",
        "asked.service",
        "real.service",
        "foo@1.service",
    }


def test_a_probe_says_who_answered_and_when(machine: UnitFolders) -> None:
    facts = probed(machine)
    assert facts.reported_id == Untrusted("ab" * 16)
    assert abs((facts.clock - datetime.now(UTC)).total_seconds()) < 60
    assert facts.journal[0].message.raw == "-u fleet.service -o json --no-pager --lines=60"


def test_a_probe_of_a_machine_without_fleets_folder_says_so(machine: UnitFolders) -> None:
    shutil.rmtree(machine.fleet)
    facts = probed(machine)
    assert "No such file" in str(facts.folders[FLEET_UNITS].problem)
    assert Untrusted(NAME) in facts.folders[SYSTEMD_UNITS].entries


def test_an_empty_folder_is_listed_as_empty(machine: UnitFolders) -> None:
    machine.file.unlink()
    folder = probed(machine).folders[FLEET_UNITS]
    assert (dict(folder.entries), folder.problem) == ({}, None)


def test_strange_names_in_a_folder_come_through_and_run_nothing(machine: UnitFolders) -> None:
    for name in HOSTILE:
        (machine.fleet / name).write_bytes(TEXT)
    found = probed(machine).folders[FLEET_UNITS].entries
    assert {Untrusted(name) for name in HOSTILE} < set(found)
    assert found[Untrusted("a\nb.service")].sha256 == SHA
    assert not list(machine.fleet.parent.rglob("pwned"))


def test_a_probe_tells_why_journalctl_and_systemctl_say_nothing(machine: UnitFolders) -> None:
    machine.stub("journalctl", "echo 'No journal files were found.' >&2; exit 1")
    machine.stub("systemctl", "echo 'Failed to connect to bus' >&2; exit 1")
    facts = probed(machine)
    assert facts.journal_problem == Untrusted("No journal files were found.")
    assert facts.services_problem == Untrusted("Failed to connect to bus")


@pytest.mark.parametrize(
    ("groups", "shown", "problem"),
    [
        ("core docker", "echo '-- No entries --'", "fleettui: in no group that may read the journ"),
        ("core docker", ":", "fleettui: in no group that may read the journal"),
        ("core systemd-journal", "echo '-- No entries --'", None),
        ("core docker", 'echo \'{"MESSAGE":"read by an ACL"}\'', None),
    ],
)
def test_a_journal_that_shows_nothing_without_a_word_is_no_quiet_one(
    machine: UnitFolders, groups: str, shown: str, problem: str | None
) -> None:
    machine.stub("journalctl", shown)
    machine.stub("id", f"echo {groups}")
    said = probed(machine).journal_problem
    assert (said is None) is (problem is None)
    assert problem is None or problem in str(said)


# --- following -------------------------------------------------------------------------------


@pytest.fixture
def journal(units: UnitFolders) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start the journal script over a journalctl of the test's own."""
    started: list[subprocess.Popen[bytes]] = []

    def start(journalctl: str) -> subprocess.Popen[bytes]:
        units.stub("journalctl", journalctl)
        env = os.environ | {"PATH": f"{units.bin}:{os.environ['PATH']}"}
        argv = [units.shell, "-c", JOURNAL_SCRIPT, "fleettui-journal", "-u", "a b", "-f"]
        pipe = subprocess.PIPE
        process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_followed_journal_ends_when_its_standard_input_closes(
    journal: Callable[[str], subprocess.Popen[bytes]],
) -> None:
    process = journal("echo $$; sleep 0.2; echo still here; exec sleep 1000")
    assert process.stdout is not None
    pid = int(process.stdout.readline())
    assert process.stdout.readline() == b"still here\n"
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(timeout=20) == 128 + signal.SIGTERM
    assert gone(pid)
    process.stdin = None  # closed above; communicate() in the fixture would flush it


@pytest.mark.parametrize("status", [0, 1, 7])
def test_a_journalctl_that_ends_by_itself_gives_its_status(
    journal: Callable[[str], subprocess.Popen[bytes]], status: int
) -> None:
    process = journal(f"echo line; echo sorry >&2; exit {status}")
    assert process.wait(timeout=20) == status
    assert process.stdout is not None
    assert process.stdout.read() == b"line\n"
    assert process.stderr is not None
    assert process.stderr.read() == b"sorry\n"


def test_journalctl_gets_its_arguments_as_they_were(
    journal: Callable[[str], subprocess.Popen[bytes]],
) -> None:
    process = journal("printf '%s|' \"$@\"")
    process.wait(timeout=20)
    assert process.stdout is not None
    assert process.stdout.read() == b"-u|a b|-f|"
