"""A simulated machine answers as the real scripts do, and knows no other commands."""

import hashlib
import itertools
import json
import os
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from demo_fleet import Cluster, faulted

from fleettui import commands
from fleettui.access import HostUnreachable
from fleettui.commands import scripts
from fleettui.commands.journal import RootJournalCommands, follow_journal, recall_journal
from fleettui.demo.files import Entry, Kind
from fleettui.demo.machine import Machine
from fleettui.demo.probe import probe
from fleettui.demo.shell import Answer, Follow, run
from fleettui.demo.units import WEB
from fleettui.hosts.answers import Answer as HostAnswer
from fleettui.hosts.changes import read_changes
from fleettui.hosts.images import read_images
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, ChangeKind, Span, UnitChange
from fleettui.model.untrusted import Untrusted

TEXT = b"[Service]\nExecStart=/bin/true\n"
SHA = hashlib.sha256(TEXT).hexdigest()
NAME = "foo@.service"
LINKED = f"/run/fleet/units/{NAME}"


@pytest.fixture
def machine() -> Machine:
    return Cluster("0.11.8", machines=1).machines[0]


async def answer(machine: Machine, *argv: str, sent: bytes = b"") -> Answer:
    async def stdin() -> bytes:
        return sent

    said = await run(machine, shlex.join(argv), stdin)
    assert isinstance(said, Answer)
    return said


def really(script: str, *arguments: str, sent: bytes = b"") -> tuple[int, bytes]:
    """What the script itself does, run by this system's sh."""
    argv = ("sh", "-c", script, *arguments)
    done = subprocess.run(argv, capture_output=True, check=False, input=sent)
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
    said = await answer(machine, "sh", "-c", scripts.COPY_SCRIPT, "copy", str(folder), NAME)
    assert (said.status, said.out) == really(scripts.COPY_SCRIPT, "copy", str(folder), NAME)


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
    said = await answer(machine, "sudo", "-n", "sh", "-c", scripts.REMOVE_SCRIPT, *arguments)
    assert (said.status, said.out) == really(scripts.REMOVE_SCRIPT, *arguments)
    for place in (folder, quarantine):
        real = {path.name for path in place.iterdir()} if place.exists() else set()
        assert set(machine.files.folders.get(str(place), {})) == real


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """What is in a real folder: a link's target or a file's bytes, and its mode."""
    if not folder.exists():
        return {}
    return {
        path.name: (bytes(path.readlink()) if path.is_symlink() else path.read_bytes(), mode)
        for path in folder.iterdir()
        if not path.is_dir() and (mode := path.lstat().st_mode & 0o777)
    }


def virtual(machine: Machine, folder: Path) -> dict[str, tuple[bytes, int]]:
    """The same of a virtual folder."""
    found = machine.files.folders.get(str(folder), {}).items()
    return {name: (e.content, e.mode) for name, e in found if e.kind is not Kind.FOLDER}


@pytest.mark.parametrize("kind", ["file", "link"])
@pytest.mark.parametrize(
    "what", ["nothing", "file", "other link", "link", "folder", "no such place"]
)
@pytest.mark.parametrize(
    ("kept", "sent"),
    itertools.product([(), ("file",), ("other link", "file"), ("link",)], [b"", TEXT, b"other"]),
)
async def test_a_restoring_does_and_says_what_the_script_does(
    kind: str, what: str, kept: tuple[str, ...], sent: bytes, tmp_path: Path
) -> None:
    machine = Cluster("0.11.8", machines=1).machines[0]
    folder, quarantine = tmp_path / "units", tmp_path / "kept"
    if what != "no such place":
        folder.mkdir()
        lay(folder, machine, what)
    if kept:
        quarantine.mkdir()
    for nth, one in enumerate(kept, 1):
        lay(quarantine, machine, one, f"t1.{kind}" if nth == 1 else f"t1.{nth}.{kind}")
    want = SHA if kind == "file" else LINKED
    owner = f"{os.getuid()}:{os.getgid()}"
    place = (str(folder), NAME, kind, want, str(quarantine), "t1", "0640", owner)
    script = scripts.RESTORE_SCRIPT
    said = await answer(machine, "sudo", "-n", "sh", "-c", script, "restore", *place, sent=sent)
    assert (said.status, said.out) == really(script, "restore", *place, sent=sent)
    for path in (folder, quarantine):
        assert virtual(machine, path) == contents(path)


async def test_a_quarantine_is_checked_as_the_script_does(tmp_path: Path, machine: Machine) -> None:
    arguments = ("check", str(tmp_path / "kept"), "t1", str(tmp_path), str(tmp_path))
    argv = ("sudo", "-n", "sh", "-c", scripts.QUARANTINE_SCRIPT, *arguments)
    said = await answer(machine, *argv)
    assert (said.status, said.out) == really(scripts.QUARANTINE_SCRIPT, *arguments)
    machine.quarantine_refusal = "cannot write to it: No space left on device"
    full = await answer(machine, *argv)
    assert full.out == b"refused\ncannot write to it: No space left on device\n"


async def test_two_units_of_one_repair_are_kept_side_by_side(machine: Machine) -> None:
    for name in ("a@.service", "b@.service"):
        machine.files.put(FLEET_UNITS, name, Entry(Kind.FILE, TEXT))
        said = await answer(machine, *commands.remove_file(name, SHA, "t1").argv)
        assert said.out == f"removed\n{commands.kept_path(name, 'file', 't1')}\n".encode()
    for name in ("a@.service", "b@.service"):
        assert (await answer(machine, *commands.restore_file(name, SHA, "t1").argv)).out
        assert machine.files.look(FLEET_UNITS, name) == Entry(Kind.FILE, TEXT)


async def test_a_file_of_another_hash_stays(tmp_path: Path, machine: Machine) -> None:
    lay(tmp_path, machine, "file")
    arguments = ("remove", str(tmp_path), NAME, "file", "0" * 64, str(tmp_path / "kept"), "t1")
    said = await answer(machine, "sudo", "-n", "sh", "-c", scripts.REMOVE_SCRIPT, *arguments)
    assert said.out == really(scripts.REMOVE_SCRIPT, *arguments)[1]
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
    script = scripts.PROBE_SCRIPT.replace(FLEET_UNITS, str(fleet))
    _, real = really(script.replace(SYSTEMD_UNITS, str(systemd)), "probe")
    said = (await answer(machine, "sh", "-c", scripts.PROBE_SCRIPT, "probe")).out
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
    said = await answer(machine, *follow_journal().argv)
    assert (said.status, said.err) == (1, b"No journal files were found.\n")


async def test_the_journal_is_followed_with_exactly_the_options_we_send(machine: Machine) -> None:
    said = await run(machine, commands.shell_text(follow_journal(span=Span(2))))
    assert isinstance(said, Follow)
    first = await anext(said.output)
    await said.output.aclose()
    assert first.count(b"\n") == 2
    bad = await answer(machine, *follow_journal(from_cursor="nonsense").argv)
    assert bad.status == 1


async def test_a_line_is_found_again_by_series_and_number_alone(machine: Machine) -> None:
    everything = await answer(machine, *recall_journal("fleet.service", Span(None)).argv)
    third = json.loads(everything.out.splitlines()[2])
    series, _, rest = third["__CURSOR"].partition(";i=")
    short = f"{series};i={rest.partition(';')[0]}"
    asked = recall_journal("fleet.service", Span(lines=1), from_cursor=short)
    said = await answer(machine, *asked.argv)
    assert [json.loads(line) for line in said.out.splitlines()] == [third]


async def test_a_journal_is_read_since_a_time_and_of_no_older_boot(machine: Machine) -> None:
    for since in ("-1d", "-90min", "10 minutes ago", "1 hour ago", "yesterday", "2001-01-31 10:00"):
        said = await answer(machine, *recall_journal("fleet.service", Span(None, since)).argv)
        assert (said.status, bool(said.out)) == (0, True), since
    said = await answer(machine, *recall_journal("fleet.service", Span(None, "2099-01-01")).argv)
    assert (said.status, said.out) == (0, b"")
    said = await answer(machine, *recall_journal("fleet.service", Span(None, boot=-1)).argv)
    assert (said.status, said.out) == (1, b"")
    assert b"Data from the specified boot (-1) is not available" in said.err
    for since in ("soonish", "10 minutes", "-10 minutes ago"):
        said = await answer(machine, *recall_journal("fleet.service", Span(None, since)).argv)
        assert (said.status, said.err) == (1, f"Failed to parse timestamp: {since}\n".encode())


async def test_what_may_not_be_read_is_read_through_sudo(machine: Machine) -> None:
    machine.journal_refusal = "No journal files were found."
    command = RootJournalCommands("fleet.service").read(None)
    said = await answer(machine, *command.argv)
    assert (said.status, said.out.count(b"\n") > 3) == (0, True)


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


def played(wanted: str = "launched") -> tuple[Cluster, Machine]:
    """A machine on which a unit that pulls an image was started."""
    cluster = Cluster("0.11.8", machines=1)
    cluster.submit("web@1.service", WEB, wanted)
    cluster.run(20)
    return cluster, cluster.machines[0]


async def changes(machine: Machine, since: datetime) -> list[UnitChange]:
    said = await answer(machine, *commands.unit_changes(since).argv)
    return list(read_changes(HostAnswer(said.status, said.out, said.err), since))


async def test_systemds_changes_of_a_unit_are_told_in_their_order() -> None:
    cluster, machine = played()
    web = Untrusted("web@1.service")
    begin = datetime.fromtimestamp(0, UTC)
    assert [c.kind for c in await changes(machine, begin) if c.unit == web] == [
        ChangeKind.STARTING,
        ChangeKind.STARTED,
    ]
    since = datetime.fromtimestamp(machine.journal.clock(), UTC)
    cluster.run(1)
    await answer(machine, *commands.restart_fleet().argv)
    cluster.run(60)
    found = await changes(machine, since)
    assert [c.kind for c in found if c.unit == web] == [
        ChangeKind.STOPPING,
        ChangeKind.STOPPED,
        ChangeKind.STARTING,
        ChangeKind.STARTED,
    ]
    assert all(c.at >= since for c in found)
    stopped, started = (c.at for c in found if c.unit == web and c.kind.endswith("ed"))
    assert (started - stopped).total_seconds() > machine.traits.pull


async def test_the_changes_of_a_journal_that_may_not_be_read_are_not_told() -> None:
    _, machine = played()
    machine.journal_refusal = "No journal files were found."
    with pytest.raises(HostUnreachable, match="No journal files were found"):
        await changes(machine, datetime.fromtimestamp(0, UTC))


async def test_an_image_is_there_once_a_unit_has_pulled_it() -> None:
    image, other = Untrusted("nginx:1.9"), Untrusted("nginx:1.8")
    for wanted, present in (("inactive", False), ("launched", True)):
        _, machine = played(wanted)
        said = await answer(machine, *commands.list_images().argv)
        found = read_images(said.out, [image, other])
        assert (found[image].present, found[other].present) == (present, False)


async def test_a_unit_is_started_and_has_a_job_until_it_runs() -> None:
    cluster, machine = played("loaded")
    name = "web@1.service"
    assert (await answer(machine, *commands.start_unit(name).argv)).status == 0
    assert f"Job={machine.systemd.unit(name).job}".encode() in probe(machine, [name])
    assert machine.systemd.unit(name).job > 0
    cluster.run(10)
    assert machine.systemd.unit(name).active == "active"
    assert b"Job=" not in probe(machine, [name])


async def test_fleet_has_a_job_while_it_stops() -> None:
    cluster, machine = played()
    await answer(machine, *commands.restart_fleet().argv)
    assert f"Job={machine.fleet.job}".encode() in probe(machine, [])
    cluster.run(30)
    assert b"Job=" not in probe(machine, [])
