"""Every command that fleettui sends does on a real machine, as user core, what it is meant to."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from fleettui.commands import (
    QUARANTINE,
    ChangeCommand,
    copy_file,
    kept_path,
    probe,
    remove_file,
    remove_link,
    sudo_works,
)
from fleettui.commands.journal import follow_journal
from fleettui.model.host import FLEET_SERVICE, FLEET_UNITS, SYSTEMD_UNITS, Span

from .cluster import TEMPLATE, Cluster
from .machines import Machine
from .operator_ssh import OperatorSsh
from .shell import wait_until

NAME = "kafka@.service"
TEXT = b"[Service]\nExecStart=/bin/sleep infinity\n"
SHA256 = hashlib.sha256(TEXT).hexdigest()


@pytest.fixture
def folders(bare: Machine) -> Iterator[tuple[Path, Path]]:
    """fleet's folder with one file and systemd's with its link, and nothing in quarantine."""
    units, links = bare.live(FLEET_UNITS), bare.live(SYSTEMD_UNITS)
    units.mkdir(parents=True)
    (units / NAME).write_bytes(TEXT)
    (links / NAME).symlink_to(f"{FLEET_UNITS}/{NAME}")
    yield units, links
    bare.run("rm", "-rf", "/run/fleet", "/run/fleettui", f"{SYSTEMD_UNITS}/{NAME}")


def answer(ssh: OperatorSsh, machine: Machine, command: ChangeCommand) -> list[str]:
    ended = ssh.perform(machine, command)
    assert (ended.returncode, ended.stderr) == (0, b"")
    return ended.stdout.decode().splitlines()


# --- reading ---------------------------------------------------------------------------------


def fields_of(ssh: OperatorSsh, machine: Machine, *units: str) -> list[str]:
    ended = ssh.perform(machine, probe(units))
    assert (ended.returncode, ended.stderr) == (0, b"")
    *fields, rest = ended.stdout.split(b"\0")
    assert rest == b""
    return [field.decode() for field in fields]


def after(fields: list[str], *tag: str, count: int) -> list[list[str]]:
    """The `count` fields after each place where the fields of `tag` stand."""
    size = len(tag)
    starts = [i for i in range(len(fields)) if tuple(fields[i : i + size]) == tag]
    return [fields[i + size : i + size + count] for i in starts]


def test_a_probe_begins_with_the_machine_and_ends_with_its_mark(
    cluster: Cluster, ssh: OperatorSsh
) -> None:
    for machine in cluster.machines:
        mark, clock, uptime, machine_id, hostname, *rest = fields_of(ssh, machine)
        assert (mark, machine_id, hostname) == (
            "fleettui-probe-1",
            machine.machine_id,
            machine.name,
        )
        assert float(clock) > 1e9
        assert float(uptime) > 0
        assert rest[-1] == "end"


def test_a_probe_lists_both_folders_of_a_broken_machine(cluster: Cluster, ssh: OperatorSsh) -> None:
    broken = cluster.load_template()
    fields = fields_of(ssh, broken)
    for folder in (FLEET_UNITS, SYSTEMD_UNITS):
        assert after(fields, "folder", folder, count=1) == [[folder]]
    text = broken.live(f"{FLEET_UNITS}/{TEMPLATE}").read_bytes()
    file, link = after(fields, "entry", TEMPLATE, count=5)
    assert file == ["f", str(len(text)), "644", "1", ""]
    assert (link[0], link[4]) == ("l", f"{FLEET_UNITS}/{TEMPLATE}")
    assert after(fields, "sha256", TEMPLATE, count=1) == [[hashlib.sha256(text).hexdigest()]]


def test_a_probe_shows_fleet_and_the_units_of_the_machine_without_the_template(
    cluster: Cluster, ssh: OperatorSsh
) -> None:
    broken = cluster.load_template()
    ((services,),) = after(fields_of(ssh, broken, "nope.service"), "services", count=1)
    blocks = [dict(line.split("=", 1) for line in b.split("\n")) for b in services.split("\n\n")]
    shown = {block["Id"]: block for block in blocks}
    assert shown.keys() == {FLEET_SERVICE, "nope.service", *cluster.units_of(broken)}
    assert int(shown[FLEET_SERVICE]["MainPID"]) == broken.main_pid(FLEET_SERVICE)
    assert shown["nope.service"]["LoadState"] == "not-found"


def test_a_probe_carries_the_fault_from_the_journal(cluster: Cluster, ssh: OperatorSsh) -> None:
    broken = cluster.load_template()
    ((journal,),) = after(fields_of(ssh, broken), "journal", count=1)
    messages = [json.loads(line)["MESSAGE"] for line in journal.splitlines()]
    assert any(f"Unit name {TEMPLATE} " in message for message in messages)


def test_a_probe_says_that_a_machine_without_fleet_has_no_folder(
    bare: Machine, ssh_to_bare: OperatorSsh
) -> None:
    fields = fields_of(ssh_to_bare, bare)
    ((why,),) = after(fields, "missing", FLEET_UNITS, count=1)
    assert "No such file or directory" in why
    assert fields[-1] == "end"


@pytest.mark.usefixtures("folders")
def test_a_copy_is_the_file_byte_for_byte_after_a_line_about_it(
    bare: Machine, ssh_to_bare: OperatorSsh
) -> None:
    ended = ssh_to_bare.perform(bare, copy_file(FLEET_UNITS, NAME))
    about, _, content = ended.stdout.partition(b"\n")
    assert (ended.returncode, content) == (0, TEXT)
    assert about.split() == [b"644", b"0", b"0", b"1", str(len(TEXT)).encode()]


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(
    ("folder", "name"), [(SYSTEMD_UNITS, NAME), (FLEET_UNITS, "absent.service")]
)
def test_what_is_no_regular_file_is_not_copied(
    bare: Machine, ssh_to_bare: OperatorSsh, folder: str, name: str
) -> None:
    ended = ssh_to_bare.perform(bare, copy_file(folder, name))
    assert (ended.returncode, ended.stdout) == (3, b"")


# --- the journal and its watchdog ------------------------------------------------------------


@pytest.fixture
def follower(bare: Machine, ssh_to_bare: OperatorSsh) -> Iterator[subprocess.Popen[bytes]]:
    """A followed journal that has shown its newest line; of more, not all would be taken."""
    command = ssh_to_bare.argv(bare, follow_journal("ssh.service", Span(lines=1)))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        assert "MESSAGE" in json.loads(client.stdout.readline())
        yield client
        client.kill()
    wait_until(lambda: bare.followers() == 0, "the followed journal to end")


def test_a_followed_journal_ends_when_its_ssh_client_is_killed(
    bare: Machine, follower: subprocess.Popen[bytes]
) -> None:
    assert bare.followers() == 1
    follower.kill()
    wait_until(lambda: bare.followers() == 0, "journalctl to be gone", within=5)


def test_a_followed_journal_ends_when_our_end_of_its_input_closes(
    bare: Machine, follower: subprocess.Popen[bytes]
) -> None:
    assert follower.stdin is not None
    assert bare.followers() == 1
    follower.stdin.close()
    wait_until(lambda: bare.followers() == 0, "journalctl to be gone", within=5)
    follower.wait(5)


def test_a_followed_journal_brings_new_lines(
    bare: Machine, follower: subprocess.Popen[bytes]
) -> None:
    assert follower.stdout is not None
    bare.run("systemctl", "reload", "ssh.service")
    messages = (json.loads(line)["MESSAGE"] for line in follower.stdout)
    assert any(message.startswith("Reloaded ssh.service") for message in messages)


def test_a_journal_goes_on_after_a_cursor_without_a_gap(
    bare: Machine, ssh_to_bare: OperatorSsh
) -> None:
    for _ in range(5):
        bare.run("systemctl", "reload", "ssh.service")
    told = bare.run("journalctl", "-u", "ssh.service", "-o", "json", "--no-pager")
    first, *later = [json.loads(line)["__CURSOR"] for line in told.splitlines()]
    command = ssh_to_bare.argv(bare, follow_journal("ssh.service", from_cursor=first))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdout is not None
        begun = json.loads(client.stdout.readline())["__CURSOR"]
        resumed = [json.loads(client.stdout.readline())["__CURSOR"] for _ in later]
        client.kill()
    assert len(later) > 10  # what -f alone would show
    assert (begun, resumed) == (first, later)


# --- changing --------------------------------------------------------------------------------


def test_core_is_root_without_a_password(bare: Machine, ssh_to_bare: OperatorSsh) -> None:
    assert answer(ssh_to_bare, bare, sudo_works()) == []


def test_the_file_as_expected_is_moved_into_quarantine(
    bare: Machine, ssh_to_bare: OperatorSsh, folders: tuple[Path, Path]
) -> None:
    kept = kept_path(NAME, "file", "t1")
    assert answer(ssh_to_bare, bare, remove_file(NAME, SHA256, "t1")) == ["removed", kept]
    assert not (folders[0] / NAME).exists()
    assert bare.live(kept).read_bytes() == TEXT


def test_the_link_as_expected_is_moved_into_quarantine(
    bare: Machine, ssh_to_bare: OperatorSsh, folders: tuple[Path, Path]
) -> None:
    kept = kept_path(NAME, "link", "t1")
    assert answer(ssh_to_bare, bare, remove_link(NAME, "t1")) == ["removed", kept]
    assert not (folders[1] / NAME).is_symlink()
    assert str(bare.live(kept).readlink()) == f"{FLEET_UNITS}/{NAME}"
    assert (folders[0] / NAME).read_bytes() == TEXT


@pytest.mark.usefixtures("folders")
def test_what_is_not_there_is_absent(bare: Machine, ssh_to_bare: OperatorSsh) -> None:
    assert answer(ssh_to_bare, bare, remove_file("gone.service", SHA256, "t")) == ["absent"]
    assert answer(ssh_to_bare, bare, remove_link("gone.service", "t")) == ["absent"]


def test_a_file_of_other_bytes_is_refused_and_stays(
    bare: Machine, ssh_to_bare: OperatorSsh, folders: tuple[Path, Path]
) -> None:
    (folders[0] / NAME).write_bytes(b"other")
    status, why = answer(ssh_to_bare, bare, remove_file(NAME, SHA256, "t"))
    assert status == "refused"
    assert why.endswith(f"is a file with sha256 {hashlib.sha256(b'other').hexdigest()}")
    assert (folders[0] / NAME).read_bytes() == b"other"


def test_a_file_with_a_second_name_is_refused(
    bare: Machine, ssh_to_bare: OperatorSsh, folders: tuple[Path, Path]
) -> None:
    bare.run("ln", f"{FLEET_UNITS}/{NAME}", f"{FLEET_UNITS}/other")
    status, why = answer(ssh_to_bare, bare, remove_file(NAME, SHA256, "t"))
    assert (status, why.endswith("is a file with more than one hard link")) == ("refused", True)
    assert (folders[0] / NAME).exists()


def test_a_link_in_the_place_of_the_file_is_refused(
    bare: Machine, ssh_to_bare: OperatorSsh, folders: tuple[Path, Path]
) -> None:
    (folders[0] / NAME).rename(folders[0] / "real")
    (folders[0] / NAME).symlink_to("real")
    status, why = answer(ssh_to_bare, bare, remove_file(NAME, SHA256, "t"))
    assert (status, why.endswith("is a symbolic link")) == ("refused", True)
    assert (folders[0] / NAME).is_symlink()


@pytest.mark.parametrize("elsewhere", ["/etc/passwd", f"{FLEET_UNITS}/{NAME}\n"])
def test_a_link_to_somewhere_else_is_refused(
    bare: Machine, ssh_to_bare: OperatorSsh, folders: tuple[Path, Path], elsewhere: str
) -> None:
    (folders[1] / NAME).unlink()
    (folders[1] / NAME).symlink_to(elsewhere)
    status, why, *_ = answer(ssh_to_bare, bare, remove_link(NAME, "t"))
    assert (status, "is a link to" in why) == ("refused", True)
    assert (folders[1] / NAME).is_symlink()


def test_a_folder_that_is_really_another_one_is_refused(
    bare: Machine, ssh_to_bare: OperatorSsh, folders: tuple[Path, Path]
) -> None:
    bare.run("sh", "-c", f"mv {FLEET_UNITS} /run/elsewhere && ln -s /run/elsewhere {FLEET_UNITS}")
    refused = answer(ssh_to_bare, bare, remove_file(NAME, SHA256, "t"))
    bare.run("sh", "-c", f"rm {FLEET_UNITS} && mv /run/elsewhere {FLEET_UNITS}")
    assert refused == ["refused", f"{FLEET_UNITS} is really /run/elsewhere"]
    assert (folders[0] / NAME).read_bytes() == TEXT


def test_a_quarantine_on_another_filesystem_is_refused(
    bare: Machine, ssh_to_bare: OperatorSsh, folders: tuple[Path, Path]
) -> None:
    bare.run("mkdir", "-p", QUARANTINE)
    bare.run("mount", "-t", "tmpfs", "none", QUARANTINE)
    refused = answer(ssh_to_bare, bare, remove_file(NAME, SHA256, "t"))
    bare.run("umount", QUARANTINE)
    assert refused == ["refused", f"{QUARANTINE} is on another filesystem"]
    assert (folders[0] / NAME).read_bytes() == TEXT
