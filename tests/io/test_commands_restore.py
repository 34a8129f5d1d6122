"""Putting back what was removed, by real shells: byte for byte, and never over anything."""

import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from unit_folders import BUSYBOX, NAME, SHA, SHELLS, TEXT, UnitFolders

from fleettui.commands.scripts import RESTORE_SCRIPT


@pytest.fixture(params=[*SHELLS, *BUSYBOX])
def units(tmp_path: Path, request: pytest.FixtureRequest) -> UnitFolders:
    return UnitFolders(tmp_path.resolve(), str(request.param))


@pytest.fixture
def removed(units: UnitFolders) -> UnitFolders:
    """File and link are in quarantine, the file with a mode of its own."""
    units.file.chmod(0o640)
    units.remove_link()
    units.remove_file()
    return units


def test_a_file_comes_back_from_quarantine_with_bytes_mode_and_owner(removed: UnitFolders) -> None:
    inode = removed.kept().stat().st_ino
    assert removed.restore_file(mode="0640") == "restored\n"
    found = removed.file.stat()
    assert removed.file.read_bytes() == TEXT
    assert (found.st_ino, found.st_nlink) == (inode, 1)
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (
        0o640,
        os.getuid(),
        os.getgid(),
    )
    assert not removed.kept().exists()


def test_a_link_comes_back_as_it_was(removed: UnitFolders) -> None:
    assert removed.restore_link() == "restored\n"
    assert removed.link.readlink() == removed.file
    assert not removed.kept("link").is_symlink()


CONTENTS = {
    "nothing": b"",
    "a newline": b"\n",
    "any bytes": bytes(range(256)),
    "much": bytes(range(256)) * 1000,
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_a_file_comes_back_from_what_is_sent_where_quarantine_is_empty(
    units: UnitFolders, content: bytes
) -> None:
    units.file.unlink()
    sha256 = hashlib.sha256(content).hexdigest()
    assert units.restore_file(content, sha256=sha256, mode="0600") == "restored\n"
    assert units.file.read_bytes() == content
    assert stat.S_IMODE(units.file.stat().st_mode) == 0o600
    assert units.file.stat().st_nlink == 1
    assert list(units.quarantine.iterdir()) == []


def test_what_was_changed_in_quarantine_is_not_used(removed: UnitFolders) -> None:
    removed.kept().write_bytes(b"other")
    assert removed.restore_file(TEXT) == "restored\n"
    assert removed.file.read_bytes() == TEXT
    assert removed.kept().read_bytes() == b"other"


def test_the_kept_one_of_the_right_bytes_is_found_among_several(removed: UnitFolders) -> None:
    removed.file.write_bytes(b"other")
    removed.remove_file(sha256=hashlib.sha256(b"other").hexdigest())
    assert removed.kept(nth="2.").read_bytes() == b"other"
    assert removed.restore_file() == "restored\n"
    assert removed.file.read_bytes() == TEXT
    assert (removed.kept().exists(), removed.kept(nth="2.").exists()) == (False, True)


@pytest.mark.parametrize("content", [b"", b"other", TEXT + b"\n", TEXT[:-1]])
def test_what_was_sent_with_other_bytes_is_refused_and_leaves_nothing(
    units: UnitFolders, content: bytes
) -> None:
    units.file.unlink()
    said = units.restore_file(content)
    assert said.startswith(f"refused\nnothing in {units.quarantine} nor what was sent has sha256")
    assert not units.file.exists()
    assert list(units.quarantine.iterdir()) == []


def test_what_is_there_already_as_wanted_is_present(units: UnitFolders) -> None:
    assert units.restore_file(TEXT) == "present\n"
    assert units.restore_link() == "present\n"


def test_a_restoring_that_ended_half_way_is_finished(removed: UnitFolders) -> None:
    """Killed between the two names of one file: both are there."""
    removed.file.hardlink_to(removed.kept())
    assert removed.restore_file() == "present\n"
    assert removed.file.stat().st_nlink == 1
    assert not removed.kept().exists()
    assert removed.remove_file().startswith("removed\n")


def put_another_file(units: UnitFolders) -> None:
    units.file.write_bytes(b"another")


def put_a_link(units: UnitFolders) -> None:
    units.file.symlink_to("/nowhere")


def put_a_folder(units: UnitFolders) -> None:
    units.file.mkdir()


def put_a_fifo(units: UnitFolders) -> None:
    os.mkfifo(units.file)


def unchanged(file: Path) -> dict[str, int]:
    """All that `lstat` tells but the atime: it may be read."""
    found = file.lstat()
    names = [name for name in dir(found) if name.startswith("st_")]
    return {name: getattr(found, name) for name in names if not name.startswith("st_atime")}


OCCUPANTS = [put_another_file, put_a_link, put_a_folder, put_a_fifo]


@pytest.mark.parametrize("put", OCCUPANTS)
def test_nothing_that_is_there_is_replaced(
    removed: UnitFolders, put: Callable[[UnitFolders], None]
) -> None:
    put(removed)
    before = unchanged(removed.file)
    assert removed.restore_file(TEXT) == f"refused\nanother {removed.file} is there\n"
    assert unchanged(removed.file) == before
    assert removed.kept().read_bytes() == TEXT


@pytest.mark.parametrize("put", OCCUPANTS)
def test_nothing_that_comes_at_the_last_moment_is_replaced(
    removed: UnitFolders, put: Callable[[UnitFolders], None]
) -> None:
    """`ln` finds the place taken, though the script had found it free."""
    makes = {
        "put_another_file": f'printf another > "{removed.file}"',
        "put_a_link": f'/bin/ln -s /nowhere "{removed.file}"',
        "put_a_folder": f'mkdir "{removed.file}"',
        "put_a_fifo": f'mkfifo "{removed.file}"',
    }
    removed.stub("ln", f'{makes[put.__name__]}\nexec /bin/ln "$@"')
    assert removed.restore_file(TEXT).startswith("refused\ncould not link")
    assert not removed.file.is_file() or removed.file.read_bytes() == b"another"
    assert removed.kept().read_bytes() == TEXT
    assert not removed.file.is_dir() or list(removed.file.iterdir()) == []


def test_a_link_that_comes_at_the_last_moment_is_not_replaced(removed: UnitFolders) -> None:
    removed.stub("ln", f'/bin/ln -s /other "{removed.link}"\nexec /bin/ln "$@"')
    assert removed.restore_link().startswith(f"refused\ncould not make {removed.link}: ")
    assert removed.link.readlink() == Path("/other")


def test_nothing_is_put_into_a_folder_that_is_really_another(removed: UnitFolders) -> None:
    other = removed.fleet.parent / "other"
    other.symlink_to(removed.fleet)
    said = removed.restore_file(TEXT, folder=other)
    assert said == f"refused\n{other} is really {removed.fleet}\n"
    assert not removed.file.exists()


def test_nothing_is_put_into_a_folder_that_is_not_there(removed: UnitFolders) -> None:
    said = removed.restore_file(TEXT, folder=removed.fleet / "no")
    assert said.startswith("refused\ncannot enter ")


def test_a_mode_or_an_owner_that_cannot_be_set_stops_before_the_file_is_there(
    removed: UnitFolders,
) -> None:
    said = removed.restore_file(mode="no mode")
    assert said.startswith("refused\ncould not set mode and owner")
    assert not removed.file.exists()
    assert removed.kept().read_bytes() == TEXT


def test_a_kind_the_script_does_not_know_restores_nothing(removed: UnitFolders) -> None:
    place = (removed.fleet, NAME, "folder", SHA, removed.quarantine, "t", "0644", "0:0")
    assert removed.answer(RESTORE_SCRIPT, place, TEXT) == "refused\nnothing is known of a folder\n"
    assert not removed.file.exists()


def test_removing_and_restoring_again_and_again_ends_as_it_began(units: UnitFolders) -> None:
    for _ in range(5):
        assert units.remove_link().startswith("removed\n")
        assert units.remove_file().startswith("removed\n")
        assert units.restore_file() == "restored\n"
        assert units.restore_link() == "restored\n"
    assert (units.file.read_bytes(), units.link.readlink()) == (TEXT, units.file)
    assert list(units.quarantine.iterdir()) == []


def test_nothing_is_put_elsewhere_by_a_name_that_is_a_path(units: UnitFolders) -> None:
    """Names like this never get this far; the script holds all the same."""
    said = units.restore_file(TEXT, name="../systemd/bar.service")
    assert said == f"refused\n../systemd/bar.service leads out of {units.fleet}\n"
    assert not (units.systemd / "bar.service").exists()
