"""A simulated machine answers as the real scripts do, and knows no other commands."""

import hashlib
import os
import shlex
import subprocess
from pathlib import Path

import pytest
from demo_fleet import Cluster, faulted

from fleettui import commands
from fleettui.demo.files import Entry, Kind
from fleettui.demo.machine import Machine
from fleettui.demo.shell import Answer, Follow, run
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS

TEXT = b"[Service]\nExecStart=/bin/true\n"
SHA = hashlib.sha256(TEXT).hexdigest()
NAME = "foo@.service"
LINKED = f"/run/fleet/units/{NAME}"


@pytest.fixture
def machine() -> Machine:
    return Cluster("0.11.8", machines=1).machines[0]


async def answer(machine: Machine, *argv: str) -> Answer:
    said = await run(machine, shlex.join(argv))
    assert isinstance(said, Answer)
    return said


def really(script: str, *arguments: str) -> tuple[int, bytes]:
    """What the script itself does, run by this system's sh."""
    done = subprocess.run(("sh", "-c", script, *arguments), capture_output=True, check=False)
    return done.returncode, done.stdout


def lay(folder: Path, machine: Machine, what: str, name: str = NAME) -> None:
    """The same entry in a real folder and in the machine's virtual one of the same path."""
    path = folder / name
    uid, gid = os.getuid(), os.getgid()
    match what:
        case "file":
            path.write_bytes(TEXT)
            path.chmod(0o640)
            entry = Entry(Kind.FILE, TEXT, 0o640, uid, gid)
        case "hard link":
            path.write_bytes(TEXT)
            (folder.parent / "second").hardlink_to(path)
            entry = Entry(Kind.FILE, TEXT, 0o644, uid, gid, links=2)
        case "link":
            path.symlink_to(LINKED)
            entry = Entry(Kind.LINK, LINKED.encode(), 0o777, uid, gid)
        case "other link":
            path.symlink_to("/somewhere/else")
            entry = Entry(Kind.LINK, b"/somewhere/else", 0o777, uid, gid)
        case "folder":
            path.mkdir(mode=0o755)
            entry = Entry(Kind.FOLDER, b"", 0o755, uid, gid, links=2)
        case _:
            machine.files.folders.setdefault(str(folder), {})
            return
    machine.files.put(str(folder), name, entry)


@pytest.mark.parametrize("what", ["file", "hard link", "link", "folder", "nothing"])
async def test_a_copy_is_what_the_script_prints(
    what: str, tmp_path: Path, machine: Machine
) -> None:
    folder = tmp_path / "units"
    folder.mkdir()
    lay(folder, machine, what)
    said = await answer(machine, "sh", "-c", commands.COPY_SCRIPT, "copy", str(folder), NAME)
    assert (said.status, said.out) == really(commands.COPY_SCRIPT, "copy", str(folder), NAME)


@pytest.mark.parametrize("kind", ["file", "link"])
@pytest.mark.parametrize(
    "what", ["file", "hard link", "link", "other link", "folder", "nothing", "no such place"]
)
@pytest.mark.parametrize("kept_before", [False, True])
async def test_a_removal_does_and_says_what_the_script_does(
    kind: str, what: str, kept_before: bool, tmp_path: Path, machine: Machine
) -> None:
    folder, quarantine = tmp_path / "units", tmp_path / "kept"
    if what != "no such place":
        folder.mkdir()
        lay(folder, machine, what)
    if kept_before:
        quarantine.mkdir()
        lay(quarantine, machine, "file", f"t1.{kind}")
    want = SHA if kind == "file" else LINKED
    arguments = ("remove", str(folder), NAME, kind, want, str(quarantine), "t1")
    said = await answer(machine, "sudo", "-n", "sh", "-c", commands.REMOVE_SCRIPT, *arguments)
    assert (said.status, said.out) == really(commands.REMOVE_SCRIPT, *arguments)
    for place in (folder, quarantine):
        real = {path.name for path in place.iterdir()} if place.exists() else set()
        assert set(machine.files.folders.get(str(place), {})) == real


async def test_a_file_of_another_hash_stays(tmp_path: Path, machine: Machine) -> None:
    lay(tmp_path, machine, "file")
    arguments = ("remove", str(tmp_path), NAME, "file", "0" * 64, str(tmp_path / "kept"), "t1")
    said = await answer(machine, "sudo", "-n", "sh", "-c", commands.REMOVE_SCRIPT, *arguments)
    assert said.out == really(commands.REMOVE_SCRIPT, *arguments)[1]
    assert said.out.startswith(b"refused\n")
    assert machine.files.look(str(tmp_path), NAME) is not None


def folder_fields(probe: bytes) -> set[tuple[bytes, ...]]:
    """The folder, entry and sha256 groups of a probe, in no order: find's is its own."""
    fields, sizes = probe.split(b"\0"), {b"folder": 3, b"entry": 7, b"sha256": 3, b"missing": 3}
    groups, at = set(), 5
    while fields[at] in sizes:
        end = at + sizes[fields[at]]
        groups.add(tuple(fields[at:end]))
        at = end
    return groups


async def test_a_probe_tells_the_folders_as_the_script_does(
    tmp_path: Path, machine: Machine
) -> None:
    fleet, systemd = tmp_path / "fleet", tmp_path / "systemd"
    fleet.mkdir()
    systemd.mkdir()
    machine.files.folders[SYSTEMD_UNITS].clear()
    for folder, virtual, whats in (
        (fleet, FLEET_UNITS, ("file", "hard link")),
        (systemd, SYSTEMD_UNITS, ("other link", "file")),
    ):
        for number, what in enumerate(whats):
            lay(folder, machine, what, f"u{number}.service")
        machine.files.folders[virtual] = machine.files.folders[str(folder)]
    script = commands.PROBE_SCRIPT.replace(FLEET_UNITS, str(fleet))
    _, real = really(script.replace(SYSTEMD_UNITS, str(systemd)), "probe")
    said = (await answer(machine, "sh", "-c", commands.PROBE_SCRIPT, "probe")).out
    told = said.replace(FLEET_UNITS.encode(), str(fleet).encode())
    told = told.replace(SYSTEMD_UNITS.encode(), str(systemd).encode())
    assert folder_fields(told) == folder_fields(real)
    assert said.endswith(b"\0end\0")


async def test_a_probe_of_the_broken_machine_tells_all_about_it() -> None:
    cluster, broken = faulted("0.11.8")
    cluster.run(60)
    said = await answer(broken, *commands.probe(["hello.service"]).argv)
    fields = said.out.decode().split("\0")
    assert fields[:1] + fields[3:5] == ["fleettui-probe-1", broken.id, broken.traits.hostname]
    services = fields[fields.index("services") + 1]
    assert f"MainPID={broken.fleet.main_pid}\nId=fleet.service" in services
    assert "Id=mon.service" in services
    assert "zookeeper@.service" not in services
    journal = fields[fields.index("journal") + 1].splitlines()
    assert len(journal) == 60
    assert "Failed fetching current unit states" in journal[-1] + journal[-2]


async def test_a_journal_that_may_not_be_read_says_so(machine: Machine) -> None:
    machine.journal_refusal = "No journal files were found."
    fields = (await answer(machine, *commands.probe().argv)).out.decode().split("\0")
    assert fields[fields.index("journal") + 1] == "No journal files were found."
    said = await answer(machine, *commands.follow_journal().argv)
    assert (said.status, said.err) == (1, b"No journal files were found.\n")


async def test_the_journal_is_followed_with_exactly_the_options_we_send(machine: Machine) -> None:
    said = await run(machine, commands.shell_text(commands.follow_journal(lines=2)))
    assert isinstance(said, Follow)
    first = await anext(said.output)
    await said.output.aclose()
    assert first.count(b"\n") == 2
    bad = await answer(machine, *commands.follow_journal(after_cursor="nonsense").argv)
    assert bad.status == 1


@pytest.mark.parametrize(
    "text",
    ["ls /", "sh -c id", "sudo -n rm -rf /", "systemctl restart fleet.service", 'echo "$(id)"'],
)
async def test_any_other_command_is_not_found_and_does_nothing(text: str, machine: Machine) -> None:
    said = await run(machine, text)
    assert isinstance(said, Answer)
    assert said.status in {1, 127}
    assert b"command not found" in said.err


async def test_a_sudo_that_wants_a_password_does_nothing(machine: Machine) -> None:
    machine.sudo_refusal = "sudo: a password is required"
    before = machine.fleet.main_pid
    for command in (commands.sudo_works(), commands.kill_fleet(), commands.restart_fleet()):
        said = await answer(machine, *command.argv)
        assert (said.status, said.err) == (1, b"sudo: a password is required\n")
    assert machine.fleet.main_pid == before


async def test_the_commands_of_both_restarts_reach_fleet_service(machine: Machine) -> None:
    first = machine.fleet.main_pid
    assert (await answer(machine, *commands.kill_fleet().argv)).status == 0
    assert machine.fleet.main_pid == 0
    assert (await answer(machine, *commands.start_fleet().argv)).status == 0
    second = machine.fleet.main_pid
    assert second not in {0, first}
    assert (await answer(machine, *commands.restart_fleet().argv)).status == 0
    assert machine.fleet.active == "deactivating"
