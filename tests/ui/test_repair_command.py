"""`fleettui repair --dry-run`, `--script` and `fleettui repairs`: what they print, how they end."""

import asyncio
import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster_model import World
from demo_session import TEMPLATE, quick
from repair_cases import STAGES, finished, opened, performed
from terminal import run_in_terminal
from test_observer import is_read

from fleettui.commands.scripts import IMAGES_SCRIPT
from fleettui.demo.cluster import DemoCluster
from fleettui.repair.records.past import Closed


@dataclass(frozen=True, slots=True)
class Said:
    """How a run ended, and what it said."""

    status: int | None
    out: str
    notes: str


def options(demo: DemoCluster) -> tuple[str, ...]:
    """What an operator of this cluster would give."""
    return (
        "--endpoint", demo.endpoint, "--etcd-key-prefix", demo.prefix,
        "--ssh-username", demo.username, "--ssh-port", str(demo.ssh_port),
        "--identity", str(demo.identity), "--known-hosts-file", str(demo.known_hosts),
    )  # fmt: skip # one a line reads worse


async def ran(folder: Path, *argv: str, demo: DemoCluster | None = None) -> Said:
    """A run without a terminal, with a state folder of its own."""
    where = options(demo) if demo else ()
    ended = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "fleettui", *where, *argv,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "XDG_STATE_HOME": str(folder)},
    )  # fmt: skip # one a line reads worse
    out, notes = await asyncio.wait_for(ended.communicate(), 60)
    assert b"Traceback" not in notes, notes.decode()
    return Said(ended.returncode, out.decode(), notes.decode())


def is_shell(text: str) -> bool:
    checked = subprocess.run(["sh", "-n"], input=text.encode(), capture_output=True, check=False)
    return checked.returncode == 0 and not checked.stderr


def is_read_only(text: str) -> bool:
    """Whether a command that a machine got is one that leaves it as it is."""
    return is_read(text) or IMAGES_SCRIPT in shlex.split(text)


async def test_a_dry_run_prints_the_whole_plan_and_only_reads(tmp_path: Path) -> None:
    async with DemoCluster(quick(record_requests=True)) as demo:
        broken = demo.broken
        assert broken is not None
        said = await ran(tmp_path, "repair", "--dry-run", demo=demo)
        assert {method for method, _ in demo.requests} == {"GET"}
        assert demo.commands
        assert [text for _, text in demo.commands if not is_read_only(text)] == []
        assert demo.broken is broken
    assert said.status == 0, said.notes
    assert f"template-loaded of {TEMPLATE}" in said.notes
    for words in (
        f"Plan against template-loaded: {TEMPLATE}",
        broken.traits.hostname,
        "1. DELETE", "2. RELOAD", "3. RESTART", "4. VERIFY",
        "sudo -n true",
        f"etcd PUT /_coreos.com/fleet/job/{TEMPLATE}/target-state?prevValue=loaded  value=inactive",
        "sudo -n systemctl daemon-reload",
        "sudo -n systemctl kill -s KILL --kill-who=main fleet.service",
        "Known because it was measured on fleetd 0.11.8 itself",
        "Undo puts file and link back",
        "At stake if the full restart is chosen instead",
        "pulls an image before it starts: /usr/bin/docker pull",
    ):  # fmt: skip # one a line reads worse
        assert words in said.out, words
    assert not list(tmp_path.rglob("*.jsonl"))  # noqa: ASYNC240 - one look at a folder of the test's


async def test_without_a_dry_run_it_opens_the_wizard(tmp_path: Path) -> None:
    async with DemoCluster(quick()) as demo:
        argv = [sys.executable, "-m", "fleettui", *options(demo), "repair", TEMPLATE]
        with run_in_terminal(argv, env={"XDG_STATE_HOME": str(tmp_path)}) as terminal:
            await asyncio.to_thread(terminal.until, b"1 Locate", 60)
            await asyncio.to_thread(terminal.until, b"AFFECTED", 60)
        assert demo.broken is not None


async def test_the_script_is_printed_alone_and_is_shell(tmp_path: Path) -> None:
    async with DemoCluster(quick()) as demo:
        broken = demo.broken
        assert broken is not None
        said = await ran(tmp_path, "repair", TEMPLATE, "--script", demo=demo)
    assert said.status == 0, said.notes
    assert said.out.startswith("#!/bin/sh\n# Repairs template-loaded")
    target = f"-p {demo.ssh_port} -- {demo.username}@{broken.traits.ip}"
    assert target in said.out
    assert is_shell(said.out)


async def test_what_is_asked_for_is_what_is_planned(tmp_path: Path) -> None:
    async with DemoCluster(quick()) as demo:
        broken = demo.broken
        assert broken is not None
        here = await ran(tmp_path, "repair", "--dry-run", "--machine", broken.traits.ip, demo=demo)
        elsewhere = await ran(tmp_path, "repair", "--dry-run", "--machine", "ffff", demo=demo)
        other = await ran(tmp_path, "repair", "no\x1b.service", "--dry-run", demo=demo)
    assert here.status == 0
    assert (elsewhere.status, other.status) == (1, 1)
    assert "Nothing to repair was found on ffff." in elsewhere.notes
    assert "found besides: template-loaded" in elsewhere.notes
    assert "\x1b" not in other.notes
    assert other.out == ""


async def test_a_fault_of_the_registry_is_planned_without_a_machine(tmp_path: Path) -> None:
    async with DemoCluster(quick(fault="bad-target-state")) as demo:
        said = await ran(tmp_path, "repair", "batch.service", "--dry-run", demo=demo)
    assert said.status == 0, said.notes
    assert "in the registry alone; no machine is touched" in said.out
    assert "instead could be chosen" in said.out


async def test_a_fault_without_a_cure_says_what_to_do_by_hand(tmp_path: Path) -> None:
    async with DemoCluster(quick(fault="unschedulable")) as demo:
        said = await ran(tmp_path, "repair", "--dry-run", demo=demo)
    assert (said.status, said.out) == (4, "")
    assert "By hand: 1." in said.notes


async def test_a_healthy_cluster_has_nothing_to_repair(tmp_path: Path) -> None:
    async with DemoCluster(quick(fault="none")) as demo:
        said = await ran(tmp_path, "repair", "--dry-run", demo=demo)
    assert (said.status, said.out) == (1, "")
    assert said.notes == "Nothing to repair was found.\n"


async def test_a_cluster_that_cannot_be_read_is_not_said_to_be_healthy(tmp_path: Path) -> None:
    said = await ran(tmp_path, "--endpoint", "http://127.0.0.1:1", "repair", "--dry-run")
    assert (said.status, said.out) == (3, "")
    assert "could not be read: registry" in said.notes


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("repair",), "needs a terminal"),
        (("--observe", "repair"), "an observer repairs nothing"),
        (("repairs", "show", "x"), "no repair is called x"),
        (("repairs", "--demo", "show", "x"), "no repair is called x"),
        (("repair", "a", "b"), "unexpected extra argument"),
    ],
)
async def test_a_wrong_word_is_a_usage_error(
    argv: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    said = await ran(tmp_path, *argv)
    assert said.status == 2
    assert words in said.notes


# --- repairs of the past ------------------------------------------------------------------------


async def recorded(folder: Path) -> Path:
    """A repair that was finished, under the state folder; its record."""
    records = folder / "fleettui" / "repairs"
    repair = await opened(World(), records)
    await performed(repair, *STAGES)
    await finished(repair)
    await repair.close(Closed.REPAIRED)
    return repair.record.path


async def test_repairs_are_listed_with_their_outcome(tmp_path: Path) -> None:
    record = await recorded(tmp_path)
    record.with_name("foreign.jsonl").write_text("no record\n")
    said = await ran(tmp_path, "repairs")
    assert said.status == 0
    head, *rows = said.out.splitlines()
    assert head.split()[:2] == ["REPAIR", "BEGUN"]
    assert any(
        row.startswith(record.stem) and "repaired" in row and "ann@desk" in row and TEMPLATE in row
        for row in rows
    )
    assert any(row.startswith("foreign") and "unreadable" in row for row in rows)
    assert (await ran(tmp_path, "repairs", "--demo")).out.splitlines() == [
        "REPAIR  BEGUN (UTC)  STATE  BY  WHAT  WHERE"
    ]


async def test_a_report_is_shown_as_markdown_and_as_json(tmp_path: Path) -> None:
    record = await recorded(tmp_path)
    shown = await ran(tmp_path, "repairs", "show", record.stem)
    assert shown.out.startswith("# Repaired: template-loaded on core-01\n")
    assert "## Proof" in shown.out
    plain = await ran(tmp_path, "repairs", "show", record.stem, "--json")
    document = json.loads(plain.out)
    assert document["outcome"] == "repaired"
    assert document["repair"] == record.stem
