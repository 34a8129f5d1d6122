"""Whether what is removed could be kept: asked of real shells, and of disks that are full."""

import shutil
import subprocess
from pathlib import Path

import pytest
from faults.disks import fill_up, may_mount, on_a_small_disk, use_up_inodes
from unit_folders import BUSYBOX, NAME, SHA, SHELLS, TEXT, TOKEN, UnitFolders

from fleettui.commands.scripts import QUARANTINE_SCRIPT, REMOVE_SCRIPT, RESTORE_SCRIPT


@pytest.fixture(params=[*SHELLS, *BUSYBOX])
def units(tmp_path: Path, request: pytest.FixtureRequest) -> UnitFolders:
    return UnitFolders(tmp_path.resolve(), str(request.param))


def test_a_quarantine_that_can_be_written_is_left_empty(units: UnitFolders) -> None:
    assert units.check_quarantine() == "writable\n"
    assert list(units.quarantine.iterdir()) == []


def test_what_is_kept_already_and_a_probe_left_behind_do_no_harm(units: UnitFolders) -> None:
    units.remove_file()
    (units.quarantine / f"{TOKEN}.probe").write_text("left by one who was killed")
    assert units.check_quarantine() == "writable\n"
    assert [path.name for path in units.quarantine.iterdir()] == [f"{TOKEN}.file"]


def test_a_machine_without_fleets_folder_may_have_a_quarantine(units: UnitFolders) -> None:
    shutil.rmtree(units.fleet)
    assert units.check_quarantine() == "writable\n"


def test_a_quarantine_that_cannot_be_made_is_told(units: UnitFolders) -> None:
    units.quarantine.parent.write_text("in the way")
    said = units.check_quarantine()
    assert said.startswith(f"refused\ncannot make {units.quarantine}: ")
    assert "Not a directory" in said


def test_a_quarantine_that_is_really_another_folder_is_told(units: UnitFolders) -> None:
    units.quarantine.parent.mkdir()
    units.quarantine.symlink_to(units.systemd)
    assert units.check_quarantine() == f"refused\n{units.quarantine} is really {units.systemd}\n"
    assert [path.name for path in units.systemd.iterdir()] == [NAME]


def test_a_place_that_gives_back_other_bytes_is_told(units: UnitFolders) -> None:
    units.stub("cat", "echo other")
    assert units.check_quarantine().startswith(f"refused\ncannot write to {units.quarantine}: ")


ON_A_TMPFS = r"""
set -e
mkdir "$1/fleet" "$1/systemd"
printf '%s' "$2" > "$1/fleet/foo@.service"
eval "$3"
shift 3
set +e
"$@"
echo "status $?"
cat "$root/fleet/foo@.service"
"""
"""Runs a script on a small disk of its own."""


def on_a_tmpfs(folder: Path, options: str, then: str, script: str, *args: str) -> str:
    """What a script says on a small tmpfs mounted at `folder` after the shell text `then`."""
    unit = TEXT.decode()
    argv = ["sh", "-c", script, "fleettui-test", *args]
    command = ["sh", "-c", f"root={folder}\n{ON_A_TMPFS}", "sh", str(folder), unit, then]
    folder.mkdir(exist_ok=True)
    ran = subprocess.run(
        on_a_small_disk(folder, options, [*command, *argv]),
        capture_output=True,
        timeout=30,
        check=False,
        input=b"",
    )
    assert ran.stdout, ran
    return ran.stdout.decode().replace(unit, "")


FULL = fill_up("$1/fleet")
mounts = pytest.mark.skipif(
    not may_mount(), reason="this user may have no mount namespace of its own"
)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path.resolve() / "run"


def checked(place: Path, options: str, then: str) -> str:
    args = (f"{place}/kept", TOKEN, f"{place}/fleet", f"{place}/systemd")
    return on_a_tmpfs(place, options, then, QUARANTINE_SCRIPT, *args)


@mounts
def test_a_small_tmpfs_with_room_is_writable(place: Path) -> None:
    assert checked(place, "size=64k", "true") == "writable\nstatus 0\n"


@mounts
def test_a_full_tmpfs_is_told_before_anything_is_changed(place: Path) -> None:
    said = checked(place, "size=64k", FULL)
    assert said.startswith(f"refused\ncannot write to {place}/kept: ")
    assert said.endswith("status 0\n")


@mounts
def test_a_tmpfs_without_a_free_inode_is_told_before_anything_is_changed(place: Path) -> None:
    said = checked(place, "nr_inodes=20", use_up_inodes("$1/fleet"))
    assert said.startswith("refused\ncannot make ")
    assert "No space left on device" in said


@mounts
def test_a_tmpfs_that_is_read_only_is_told_before_anything_is_changed(place: Path) -> None:
    said = checked(place, "size=64k", 'mount -o remount,ro "$1"')
    assert said.startswith("refused\ncannot make ")
    assert "Read-only file system" in said


@mounts
def test_a_quarantine_on_another_file_system_is_told(place: Path) -> None:
    said = checked(place, "size=64k", 'mkdir "$1/kept"; mount -t tmpfs none "$1/kept"')
    assert said.startswith(f"refused\n{place}/kept is on another filesystem than {place}/fleet")


@mounts
def test_on_a_full_tmpfs_a_file_is_moved_whole_or_not_at_all(place: Path) -> None:
    """A rename takes no room: what `cp` would have lost is kept."""
    args = (f"{place}/fleet", NAME, "file", SHA, f"{place}/kept", TOKEN)
    then = f'mkdir "$1/kept"; {FULL}'
    moved = on_a_tmpfs(place, "size=64k", then, REMOVE_SCRIPT, *args)
    assert moved == f"removed\n{place}/kept/{TOKEN}.file\nstatus 0\n"


@mounts
def test_on_a_full_tmpfs_nothing_half_written_is_put_back(place: Path) -> None:
    sha = "0" * 64
    args = (f"{place}/fleet", "bar@.service", "file", sha, f"{place}/kept", TOKEN, "0644", "0:0")
    said = on_a_tmpfs(place, "size=64k", f'mkdir "$1/kept"; {FULL}', RESTORE_SCRIPT, *args)
    assert said.startswith(f"refused\nnothing in {place}/kept nor what was sent has sha256 {sha}")
