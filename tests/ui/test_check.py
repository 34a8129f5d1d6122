"""`fleettui check`: one diagnosis without a screen, over real etcd and SSH of the demo."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from demo_session import TEMPLATE, access_to, quick

from fleettui.check import report
from fleettui.check.examine import Examination, ExitStatus, examine
from fleettui.demo.cluster import DemoCluster
from fleettui.model.host import HostFacts, NotChecked


async def examined(demo: DemoCluster, since: str | None = None) -> Examination:
    access = access_to(demo, observe=True)
    try:
        return await examine(access, since)
    finally:
        await access.hosts.close()
        await access.registry.close()


async def test_a_healthy_cluster_is_healthy() -> None:
    async with DemoCluster(quick(fault="none")) as demo:
        seen = await examined(demo)
    assert seen.findings == ()
    assert seen.exit_status is ExitStatus.HEALTHY
    assert report.as_text(seen).startswith("healthy: 0 findings, 3 of 3 machines checked")


async def test_the_fault_is_named_with_its_machine_and_its_proof() -> None:
    async with DemoCluster(quick()) as demo:
        broken = demo.broken
        assert broken is not None
        seen = await examined(demo)
    assert seen.exit_status is ExitStatus.FINDINGS
    document = json.loads(report.as_json(seen))
    assert document["schema"] == "fleettui.check/1"
    worst = document["findings"][0]
    assert (worst["fault"], worst["unit"]) == ("template-loaded", TEMPLATE)
    assert worst["machine"] == broken.id
    assert {e["source"] for e in worst["evidence"]} == {"registry", "file", "journal"}


async def test_journals_are_read_as_far_back_as_asked() -> None:
    async with DemoCluster(quick()) as demo:
        near, far = await examined(demo, "2 s ago"), await examined(demo, "1 hour ago")
        wrong = await examined(demo, "the day before")
    counts = [
        sum(len(r.journal) for r in seen.reports.values() if isinstance(r, HostFacts))
        for seen in (near, far)
    ]
    assert 0 < counts[0] < 30 < counts[1]
    assert wrong.exit_status is ExitStatus.INCOMPLETE
    assert "Failed to parse timestamp" in wrong.unread[0]


async def test_a_machine_that_hangs_delays_nobody_and_is_not_taken_for_clean() -> None:
    async with DemoCluster(quick()) as demo:
        with hanging("127.0.0.201", demo.ssh_port):
            ghost = "f" * 32
            value = json.dumps({"ID": ghost, "PublicIP": "127.0.0.201", "Metadata": None})
            demo.registry.write(f"machines/{ghost}/object", value)
            seen = await examined(demo)
    answers = {r.machine_id.raw: r for r in seen.reports.values()}
    hung = answers.pop(ghost)
    assert isinstance(hung, NotChecked)
    others = [r for r in answers.values() if isinstance(r, HostFacts)]
    assert len(others) == 3
    assert all(facts.taken_at < hung.at for facts in others)
    assert any(finding.fault == "template-loaded" for finding in seen.findings)
    assert seen.exit_status is ExitStatus.INCOMPLETE


async def test_a_registry_that_does_not_answer_is_said_to_be_unread() -> None:
    async with DemoCluster(quick()) as demo:
        demo.kill_etcd()
        seen = await examined(demo)
    assert seen.exit_status is ExitStatus.INCOMPLETE
    document = json.loads(report.as_json(seen))
    assert document["registry"]["read"] is False
    assert document["unread"][0].startswith("registry: ")


async def test_a_hundred_machines_are_asked_in_one_round() -> None:
    async with DemoCluster(quick(machines=100)) as demo:
        begun = monotonic()
        seen = await examined(demo)
        print(f"one round over 100 machines: {monotonic() - begun:.1f} s")  # noqa: T201 - the figure
    assert sum(isinstance(r, HostFacts) for r in seen.reports.values()) == 100


def test_it_works_without_a_terminal_and_says_what_a_wrong_endpoint_is() -> None:
    argv = [sys.executable, "-m", "fleettui", "--endpoint"]
    environment = {**os.environ, "TERM": "dumb"}
    run = {"capture_output": True, "timeout": 60, "env": environment, "text": True}
    refused = subprocess.run([*argv, "http://127.0.0.1:1", "check"], check=False, **run)  # type: ignore[call-overload]  # options shared by both runs
    assert refused.returncode == 3
    assert "could not be read: registry" in refused.stdout
    wrong = subprocess.run([*argv, "unix:///var/run/fleet.sock", "check"], check=False, **run)  # type: ignore[call-overload]  # as above
    assert wrong.returncode == 2
    assert "fleet's own API" in wrong.stderr


@contextmanager
def hanging(address: str, port: int) -> Iterator[None]:
    """A machine whose kernel takes the connection and whose sshd never says a word."""
    with socket.socket() as listener:
        listener.bind((address, port))
        listener.listen(16)
        yield
