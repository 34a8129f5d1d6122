"""An observer tries everything there is on every screen: only reads leave, and nothing is kept
outside of the state folder."""

import asyncio
import json
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import past_records
import pytest
from demo_session import TEMPLATE, access_to, quick
from observer_actions import ACTIONS, PALETTE, SCREENS, TEXTUALS, Kind

from fleettui.access import Observer, Operator
from fleettui.cli.session import Settings, build
from fleettui.commands import scripts
from fleettui.demo.cluster import DemoCluster
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted

READ_SCRIPTS = {
    scripts.PROBE_SCRIPT,
    scripts.JOURNAL_SCRIPT,
    scripts.COPY_SCRIPT,
    scripts.RIGHTS_SCRIPT,
}
HERE = Path(__file__).parent
WALK = "import deeds, observer_walk; observer_walk.main()"
ABROAD = ("ldconfig", "gcc", "ld", "objdump")
"""What Python itself runs to find a library that asyncssh would like to have."""
UNTRIED = {"Lines.move", "ReplayApp.pause", "ReplayApp.step", "ReplayApp.speed"}
"""Each table has one of its own; of a recording, which has no cluster: see `test_replay.py`."""
OPERATORS = ("ui.wizard", "repair.driving", "registry.write", "registry.send")
OPERATORS_HOSTS = ("hosts.hands", "hosts.rootjournal")


def is_read(text: str) -> bool:
    match shlex.split(text):
        case ["sh", "-c", script, *_]:
            return script in READ_SCRIPTS
        case _:
            return False


def asks_for_journal(text: str) -> bool:
    return scripts.JOURNAL_SCRIPT in shlex.split(text)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of somebody who has repaired before, and knows hosts."""
    home = tmp_path / "home"
    records = home / "state" / "fleettui" / "repairs"
    for folder in (records, home / ".ssh", home / ".fleetctl", home / "tmp"):
        folder.mkdir(parents=True)
    past_records.repaired(records, "20260101T110000Z-aaaaaa")
    past_records.left(records, "20260101T113000Z-bbbbbb", past_records.ELSEWHERE)
    for folder in (home / ".ssh", home / ".fleetctl"):
        (folder / "known_hosts").write_text("h ssh-ed25519 AAAA\n")
    return home


def files_in(home: Path) -> dict[str, tuple[bytes, int]]:
    """What each file holds and when it was written."""
    found = (path for path in home.rglob("*") if path.is_file())
    return {
        str(path.relative_to(home)): (path.read_bytes(), path.stat().st_mtime_ns) for path in found
    }


async def somebody_repairs(demo: DemoCluster) -> None:
    """Another fleettui holds the lock for as long as this takes."""
    operator = access_to(demo)
    assert isinstance(operator, Operator)
    assert demo.broken is not None
    token, who, machine, unit, stage = map(
        Untrusted, ("t", "ann@desk", demo.broken.id, TEMPLATE, "reload")
    )
    holder = LockHolder(token, who, machine, unit, datetime.now(UTC), stage)
    await operator.writer.take_lock(holder, 600)
    await operator.hosts.close()
    await operator.registry.close()
    demo.requests.clear()


async def walked(demo: DemoCluster, home: Path) -> dict[str, Any]:
    """What an observer's process did that walked through its whole console."""
    flags = {
        "endpoint": [demo.endpoint],
        "ssh_username": [demo.username],
        "ssh_port": [str(demo.ssh_port)],
        "identity": [str(demo.identity)],
        "known_hosts_file": [str(demo.known_hosts)],
    }
    paths = [str(HERE.parent), str(HERE), str(HERE.parent / "unit")]
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "TMPDIR": str(home / "tmp"),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TERM": "xterm",
    }
    argv = (sys.executable, "-W", "error", "-c", WALK)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=pipe, stdout=pipe, env=variables, cwd=home, limit=1 << 26
    )
    assert process.stdin is not None
    assert process.stdout is not None
    line = b""
    try:
        process.stdin.write(json.dumps(flags).encode() + b"\n")
        async for line in process.stdout:
            if line == b"sent?\n":
                sent = sum(asks_for_journal(text) for _, text in list(demo.commands))
                process.stdin.write(b"%d\n" % sent)
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    told: dict[str, Any] = json.loads(line)
    return told


@pytest.mark.timeout(400)
async def test_whatever_an_observer_tries_only_reads_leave(home: Path) -> None:
    """Each binding, palette entry and mouse target of each screen; what went over the wire."""
    before = files_in(home)
    async with DemoCluster(quick(record_requests=True)) as demo:
        await somebody_repairs(demo)
        known = demo.known_hosts.read_text().splitlines(keepends=True)[1:]
        demo.known_hosts.write_text("".join(known))  # one machine's key is not known
        told = await walked(demo, home)
        assert {method for method, _ in demo.requests} == {"GET"}
        assert [text for _, text in demo.commands if not is_read(text)] == []
        assert {script for _, text in demo.commands for script in shlex.split(text)} >= {
            scripts.PROBE_SCRIPT,
            scripts.JOURNAL_SCRIPT,
            scripts.RIGHTS_SCRIPT,
        }
        assert demo.known_hosts.read_text() == "".join(known)
        assert not demo.known_hosts.with_name("accepted").exists()
        insist_on_reach(told, demo)
    insist_on_all(told)
    insist_on_files(told, home, before)
    names = tuple(f"fleettui.{name}" for name in (*OPERATORS, *OPERATORS_HOSTS))
    assert [name for name in told["loaded"] if name.startswith(names)] == []


def insist_on_all(told: dict[str, Any]) -> None:
    """Everything was tried, and all that was tried has its class."""
    strange = {*told["bound"], *told["ran"]} - (ACTIONS | TEXTUALS).keys()
    assert not strange, "say in observer_actions.py what it is to an observer"
    forbidden = {name for name, kind in ACTIONS.items() if kind is Kind.NEEDS_OPERATOR}
    assert forbidden.isdisjoint(told["ran"])
    assert set(ACTIONS) - forbidden - UNTRIED - set(told["ran"]) == set()
    assert set(told["refused"]) == forbidden - {"JournalPane.as_root"}  # which is not even bound
    seen = {screen for screen, *_ in told["pressed"]}
    made_of = {"Dialog", "JournalAlone", "Rests"}
    assert seen == set(SCREENS) - made_of
    assert {*told["own"], "Quit"} == PALETTE.keys(), "say in PALETTE what it is"
    clicked = {screen for screen, *_ in told["clicked"]}
    assert seen - clicked == set()


def insist_on_reach(told: dict[str, Any], demo: DemoCluster) -> None:
    """It spoke with the cluster alone."""
    machines = {(machine.ip, demo.ssh_port) for machine in demo.machines}
    reached = {(host, port) for host, port in told["reached"]}
    assert {port for _, port in reached} == {demo.ssh_port, int(demo.endpoint.rpartition(":")[2])}
    assert machines <= reached


def insist_on_files(told: dict[str, Any], home: Path, before: dict[str, Any]) -> None:
    """What somebody saved, and that he was welcomed: all in the state folder, and nothing else."""
    state = home / "state" / "fleettui"
    places = ("journals", "repairs/reports", "welcomed")
    kept = tuple(str(state / place) for place in places)
    abroad = [path for path in told["changed"] if path != str(state) and not path.startswith(kept)]
    assert [path for path in abroad if not is_passing(path, home)] == []
    assert list((home / "tmp").iterdir()) == []
    after = files_in(home)
    assert {name: after[name] for name in before} == before
    new = [(home / name).relative_to(state) for name in after.keys() - before.keys()]
    assert {str(path.parent if path.parent.name else path) for path in new} == set(places)
    programs = {name for name in told["started"] if Path(name).name not in ABROAD}
    assert programs <= {sys.executable}, "a fast journal is read by a process of ours"


def is_passing(path: str, home: Path) -> bool:
    """A file of `ctypes.util`, gone again, which looks for a library by way of the compiler."""
    return Path(path).is_relative_to(home / "tmp") or path == tempfile.gettempdir()


def test_nothing_that_an_observer_holds_leads_to_what_writes(tmp_path: Path) -> None:
    """From attribute to attribute; the same walk through an operator's session finds it."""
    settings = {
        who: Settings(
            endpoints=("http://127.0.0.1:1",),
            prefix="/_coreos.com/fleet",
            username="core",
            port=22,
            identities=(),
            known_hosts_file=tmp_path / "known_hosts",
            observe=who is Observer,
        )
        for who in (Observer, Operator)
    }
    for who, given in settings.items():
        access = build(given)
        assert type(access) is who
        writing = {type(part).__module__ for part in held(access) if may_write(part)}
        assert bool(writing) is (who is Operator), writing


WRITES = ("perform", "set_target_state", "delete_key", "create_key", "take_lock", "drop_lock")


def may_write(part: object) -> bool:
    return any(hasattr(part, word) for word in WRITES)


def held(root: object) -> Iterator[object]:
    """All of ours that an object leads to."""
    found: dict[int, object] = {}
    left = [root]
    while left:
        part = left.pop()
        if id(part) in found:
            continue
        found[id(part)] = part
        left += [p for p in parts_of(part) if type(p).__module__.startswith("fleettui.")]
    return iter(found.values())


def parts_of(part: object) -> Iterator[object]:
    of_struct: tuple[str, ...] = getattr(part, "__struct_fields__", ())
    names = [field.name for field in fields(part)] if is_dataclass(part) else of_struct
    for value in [
        *(getattr(part, name) for name in names),
        *getattr(part, "__dict__", {}).values(),
    ]:
        yield value
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, list | tuple | set | frozenset):
            yield from value
        bound = getattr(value, "__self__", None)
        if bound is not None:
            yield bound
