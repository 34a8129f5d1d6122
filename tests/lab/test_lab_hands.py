"""What a repair does and reads besides removing, on a real machine, as user core."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fleettui.access import SecretQuestion
from fleettui.commands import (
    QUARANTINE,
    ChangeCommand,
    Owned,
    check_quarantine,
    kept_path,
    list_images,
    probe,
    remove_file,
    remove_link,
    restore_file,
    restore_link,
    start_unit,
    sudo_works,
    unit_changes,
)
from fleettui.hosts.answers import Answer
from fleettui.hosts.changes import read_changes
from fleettui.hosts.connect import connect_hosts, hands_for
from fleettui.hosts.images import read_images
from fleettui.hosts.probe import read_probe
from fleettui.hosts.settings import HostSettings, SudoMode
from fleettui.model import cluster as model
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, ChangeKind, HostFacts
from fleettui.model.secret import Secret
from fleettui.model.untrusted import Untrusted

from .machines import Machine
from .operator_ssh import OperatorSsh
from .shell import wait_until

NAME = "kafka@.service"
TEXT = b"[Service]\nExecStart=/bin/sleep infinity\n\xff\n"
SHA256 = hashlib.sha256(TEXT).hexdigest()
OWNED = Owned(0o640, 4, 6)


@pytest.fixture
def folders(bare: Machine) -> Iterator[tuple[Path, Path]]:
    """fleet's folder with one file of a mode and owner of its own, and systemd's with its link."""
    units, links = bare.live(FLEET_UNITS), bare.live(SYSTEMD_UNITS)
    units.mkdir(parents=True)
    (units / NAME).write_bytes(TEXT)
    (units / NAME).chmod(OWNED.mode)
    bare.run("chown", f"{OWNED.uid}:{OWNED.gid}", f"{FLEET_UNITS}/{NAME}")
    (links / NAME).symlink_to(f"{FLEET_UNITS}/{NAME}")
    yield units, links
    bare.run("rm", "-rf", "/run/fleet", "/run/fleettui", f"{SYSTEMD_UNITS}/{NAME}")


def answer(ssh: OperatorSsh, machine: Machine, command: ChangeCommand) -> list[str]:
    ended = ssh.perform(machine, command)
    assert (ended.returncode, ended.stderr) == (0, b"")
    return ended.stdout.decode().splitlines()


# --- undoing ---------------------------------------------------------------------------------


def as_it_was(bare: Machine) -> bool:
    about = bare.run("stat", "-c", "%a %u %g %h", f"{FLEET_UNITS}/{NAME}").split()
    same = bare.live(f"{FLEET_UNITS}/{NAME}").read_bytes() == TEXT
    return same and about == [f"{OWNED.mode:o}", str(OWNED.uid), str(OWNED.gid), "1"]


@pytest.mark.usefixtures("folders")
def test_what_was_removed_comes_back_as_it_was(bare: Machine, ssh_to_bare: OperatorSsh) -> None:
    removed = answer(ssh_to_bare, bare, remove_file(NAME, SHA256, "t1"))
    assert removed == ["removed", kept_path(NAME, "file", "t1")]
    assert answer(ssh_to_bare, bare, remove_link(NAME, "t1"))[0] == "removed"
    restored = restore_file(NAME, SHA256, "t1", OWNED)
    assert answer(ssh_to_bare, bare, restored) == ["restored"]
    assert answer(ssh_to_bare, bare, restore_link(NAME, "t1")) == ["restored"]
    assert as_it_was(bare)
    link = bare.live(f"{SYSTEMD_UNITS}/{NAME}").readlink()
    assert str(link) == f"{FLEET_UNITS}/{NAME}"
    assert answer(ssh_to_bare, bare, restored) == ["present"]
    assert bare.run("ls", "-A", QUARANTINE) == ""


def test_what_quarantine_lost_comes_back_from_the_operator(
    bare: Machine, ssh_to_bare: OperatorSsh, folders: tuple[Path, Path]
) -> None:
    (folders[0] / NAME).unlink()
    command = restore_file(NAME, SHA256, "t1", OWNED, TEXT)
    assert answer(ssh_to_bare, bare, command) == ["restored"]
    assert as_it_was(bare)


def test_nothing_that_is_there_is_replaced(
    bare: Machine, ssh_to_bare: OperatorSsh, folders: tuple[Path, Path]
) -> None:
    (folders[0] / NAME).write_bytes(b"another")
    said = answer(ssh_to_bare, bare, restore_file(NAME, SHA256, "t1", OWNED, TEXT))
    assert said == ["refused", f"another {FLEET_UNITS}/{NAME} is there"]
    assert (folders[0] / NAME).read_bytes() == b"another"


# --- room for what is removed ----------------------------------------------------------------


@pytest.mark.usefixtures("folders")
def test_a_machine_with_room_can_keep_what_is_removed(
    bare: Machine, ssh_to_bare: OperatorSsh
) -> None:
    assert answer(ssh_to_bare, bare, check_quarantine("t1")) == ["writable"]
    assert bare.run("ls", "-A", QUARANTINE) == ""


FILL = """
mount -o remount,size=$(($(df -k --output=used /run | tail -n 1) + 512))k /run
head -c 4m /dev/zero > /run/filler
df --output=avail /run | tail -n 1
"""
EMPTY = "rm -f /run/filler; mount -o remount,size=20% /run"


@pytest.fixture
def full_disk(bare: Machine) -> Iterator[None]:
    """The tmpfs of both unit folders and of quarantine has no room left."""
    filled = bare.attempt("sh", "-c", FILL)
    yield
    bare.run("sh", "-c", EMPTY)
    assert filled.stdout.split() == [b"0"], filled


@pytest.mark.usefixtures("folders", "full_disk")
def test_a_full_disk_is_told_before_anything_is_changed(
    bare: Machine, ssh_to_bare: OperatorSsh
) -> None:
    status, why = answer(ssh_to_bare, bare, check_quarantine("t1"))
    assert (status, why.startswith(f"cannot write to {QUARANTINE}: ")) == ("refused", True)
    assert as_it_was(bare)


def test_a_quarantine_on_another_filesystem_is_told(
    bare: Machine, ssh_to_bare: OperatorSsh, folders: tuple[Path, Path]
) -> None:
    bare.run("mkdir", "-p", QUARANTINE)
    bare.run("mount", "-t", "tmpfs", "none", QUARANTINE)
    refused = answer(ssh_to_bare, bare, check_quarantine("t1"))
    bare.run("umount", QUARANTINE)
    assert refused == ["refused", f"{QUARANTINE} is on another filesystem than {FLEET_UNITS}"]


# --- units and images ------------------------------------------------------------------------

SLOW = "[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sleep 5\n"
FAILING = "[Service]\nType=oneshot\nExecStart=/bin/false\n"


@pytest.fixture
def units(bare: Machine) -> Iterator[None]:
    """A unit that takes seconds to start, and one that fails."""
    for name, text in (("slow.service", SLOW), ("failing.service", FAILING)):
        bare.live(f"{SYSTEMD_UNITS}/{name}").write_text(text)
    bare.run("systemctl", "daemon-reload")
    yield
    bare.run("systemctl", "stop", "slow.service")
    bare.run("systemctl", "reset-failed")
    bare.run("rm", f"{SYSTEMD_UNITS}/slow.service", f"{SYSTEMD_UNITS}/failing.service")
    bare.run("systemctl", "daemon-reload")


def facts(ssh: OperatorSsh, machine: Machine, *units: str) -> HostFacts:
    said = ssh.perform(machine, probe(units)).stdout
    return read_probe(said, Untrusted(machine.machine_id), datetime.now(UTC), units)


def job_of(ssh: OperatorSsh, machine: Machine, unit: str) -> int:
    return facts(ssh, machine, unit).services[Untrusted(unit)].job


@pytest.mark.usefixtures("units")
def test_systemd_tells_what_it_did_to_units_and_when(
    bare: Machine, ssh_to_bare: OperatorSsh
) -> None:
    since = facts(ssh_to_bare, bare).clock
    assert answer(ssh_to_bare, bare, start_unit("slow.service")) == []
    assert job_of(ssh_to_bare, bare, "slow.service") > 0
    wait_until(lambda: bare.show("slow.service", "ActiveState") == "active", "the slow unit")
    assert job_of(ssh_to_bare, bare, "slow.service") == 0
    bare.run("systemctl", "stop", "slow.service")
    bare.attempt("systemctl", "start", "failing.service")
    ended = ssh_to_bare.perform(bare, unit_changes(since))
    changes = read_changes(Answer(ended.returncode, ended.stdout, ended.stderr), since)
    slow = [change for change in changes if change.unit == Untrusted("slow.service")]
    starting, started, *stopped = [change.kind for change in slow]
    assert (starting, started) == (ChangeKind.STARTING, ChangeKind.STARTED)
    assert ChangeKind.STOPPED in stopped
    assert 4.9 < (slow[1].at - slow[0].at).total_seconds() < 15
    failing = [change.kind for change in changes if change.unit == Untrusted("failing.service")]
    assert failing == [ChangeKind.STARTING, ChangeKind.FAILED]
    times = [float(line.at) for line in bare.journal("slow.service", since.timestamp())]
    assert abs(slow[0].at.timestamp() - times[0]) < 0.001


def test_images_of_a_machine_without_containers_are_not_known(
    bare: Machine, ssh_to_bare: OperatorSsh
) -> None:
    ended = ssh_to_bare.perform(bare, list_images())
    image = Untrusted("nginx:1.9")
    found = read_images(ended.stdout, [image])[image]
    assert (found.present, str(found.why)) == (None, "no program for it was found")


# --- sudo ------------------------------------------------------------------------------------

SUDOERS = "/etc/sudoers.d/core"
WANTS_A_PASSWORD = "core ALL=(ALL) ALL\n"


def write_rules(text: str) -> Callable[[Machine], None]:
    return lambda machine: machine.put(SUDOERS, text, mode=0o440)


def give_a_wrong_password(machine: Machine) -> None:
    write_rules(WANTS_A_PASSWORD)(machine)
    wrong = machine.attempt("su", "core", "-c", "echo wrong | sudo -S true")
    assert wrong.returncode != 0
    assert b"incorrect password attempt" in wrong.stderr


def take_sudo_away(machine: Machine) -> None:
    machine.run("mv", "/usr/bin/sudo", "/usr/bin/sudo.away")


REFUSALS: dict[str, tuple[Callable[[Machine], None], str]] = {
    "a password is needed": (write_rules(WANTS_A_PASSWORD), "a password is required"),
    "not in sudoers": (write_rules(""), "a password is required"),
    "a terminal is needed": (
        write_rules("Defaults requiretty\ncore ALL=(ALL) NOPASSWD: ALL\n"),
        "you must have a tty",
    ),
    "a wrong password was given": (give_a_wrong_password, "a password is required"),
    "a lecture comes first": (
        write_rules(f"Defaults lecture=always\n{WANTS_A_PASSWORD}"),
        "a password is required",
    ),
    "no sudo at all": (take_sudo_away, "sudo: command not found"),
}


@pytest.fixture
def sudoers(bare: Machine) -> Iterator[None]:
    before = bare.disk(SUDOERS).read_text()
    yield
    bare.put(SUDOERS, before, mode=0o440)
    bare.attempt("mv", "/usr/bin/sudo.away", "/usr/bin/sudo")


@pytest.mark.usefixtures("sudoers")
@pytest.mark.parametrize(("refuse", "words"), REFUSALS.values(), ids=REFUSALS)
def test_a_sudo_that_will_not_work_is_caught_before_the_first_step(
    bare: Machine,
    ssh_to_bare: OperatorSsh,
    folders: tuple[Path, Path],
    refuse: Callable[[Machine], None],
    words: str,
) -> None:
    refuse(bare)
    ended = ssh_to_bare.perform(bare, sudo_works())
    assert ended.returncode != 0
    assert words in ended.stderr.decode(), ended
    assert ssh_to_bare.perform(bare, remove_file(NAME, SHA256, "t1")).returncode != 0
    assert (folders[0] / NAME).read_bytes() == TEXT


@pytest.mark.usefixtures("sudoers", "folders")
def test_a_sudo_that_allows_too_little_is_caught_before_the_first_step(
    bare: Machine, ssh_to_bare: OperatorSsh
) -> None:
    write_rules("core ALL=(ALL) NOPASSWD: /usr/bin/true, /usr/bin/systemctl\n")(bare)
    assert answer(ssh_to_bare, bare, sudo_works()) == []
    ended = ssh_to_bare.perform(bare, check_quarantine("t1"))
    assert ended.returncode != 0
    assert b"writable" not in ended.stdout


PASSWORD = "a p4ssword of core"


@pytest.mark.usefixtures("sudoers")
async def test_a_sudo_that_wants_a_password_gets_it_and_nothing_else_does(
    bare: Machine, ssh_to_bare: OperatorSsh, folders: tuple[Path, Path]
) -> None:
    write_rules(f"Defaults lecture=always\n{WANTS_A_PASSWORD}")(bare)
    bare.run("sh", "-c", f"echo 'core:{PASSWORD}' | chpasswd")
    says = ["wrong", PASSWORD]
    asked: list[str] = []

    async def operator(question: SecretQuestion) -> Secret | None:
        asked.append(question.why)
        return Secret(says.pop(0))

    hosts = connect_hosts(
        HostSettings(
            identities=(ssh_to_bare.key,),
            openssh_file=ssh_to_bare.known_hosts,
            ssh_config=None,
            sudo=SudoMode.PASSWORD,
        )
    )
    hosts.ask_secrets(operator)
    machine = model.Machine(Untrusted(bare.machine_id), Untrusted(bare.address))
    removal = remove_file(NAME, SHA256, "t1")
    restoral = restore_file(NAME, SHA256, "t2", OWNED, TEXT)
    results = [await hands_for(hosts).perform(machine, c) for c in (removal, restoral)]
    await hosts.close()
    assert [result.stdout.split(b"\n")[0] for result in results] == [b"removed", b"restored"]
    assert (folders[0] / NAME).read_bytes() == TEXT
    assert asked == ["", f"sudo on {bare.address} did not take that password."]
    assert PASSWORD not in bare.run("journalctl", "--no-pager")
