"""`fleettui check`: one diagnosis without a screen, over real etcd and SSH of the demo."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import pytest
from demo_session import TEMPLATE, access_to, quick
from fakes import MACHINES, FakeHosts, FakeRegistry, facts, snapshot, unit
from msgspec.structs import replace

from fleettui.access import ClusterAddress, Observer, RegistryUnavailable
from fleettui.check import report
from fleettui.check.examine import Examination, ExitStatus, examine
from fleettui.check.watch import watch
from fleettui.demo.cluster import DemoCluster
from fleettui.diagnosis.finding import Confidence
from fleettui.model.clock import now
from fleettui.model.cluster import Machine, RegistryView, Snapshot
from fleettui.model.host import HostFacts, NotChecked
from fleettui.model.untrusted import Untrusted


async def examined(demo: DemoCluster, since: str | None = None) -> Examination:
    access = access_to(demo, observe=True)
    try:
        return await examine(access, since)
    finally:
        await access.hosts.close()
        await access.registry.close()


async def watched(demo: DemoCluster, seconds: int) -> Examination:
    access = access_to(demo, observe=True)
    try:
        return await watch(access, timedelta(seconds=seconds))
    finally:
        await access.hosts.close()
        await access.registry.close()


def sure_of(fault: str, seen: Examination) -> set[Confidence]:
    """How sure the findings of a fault are."""
    return {finding.confidence for finding in seen.findings if finding.fault == fault}


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


# --- watching ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        ("duplicate-machine-id", 8),
        ("no-engine-leader", 12),
        ("unschedulable", 12),
        ("hash-differs", 21),
    ],
)
async def test_what_one_look_cannot_prove_a_watch_does(fault: str, seconds: int) -> None:
    async with DemoCluster(quick(fault=fault)) as demo:
        once = await examined(demo)
        seen = await watched(demo, seconds)
    assert Confidence.PROVEN not in sure_of(fault, once)
    assert sure_of(fault, seen) == {Confidence.PROVEN}
    assert seen.exit_status is ExitStatus.FINDINGS


async def test_a_machine_that_leaves_the_registry_is_asked_on_and_told_of() -> None:
    async with DemoCluster(quick(fault="etcd-unreachable")) as demo:
        seen = await watched(demo, 12)
        afterwards = await examined(demo)
        lost = demo.machines[1].id
    assert lost not in {machine_id.raw for machine_id in afterwards.reports}
    assert ("etcd-unreachable", lost) in {
        (f.fault, f.machine_id.raw if f.machine_id else None) for f in seen.findings
    }
    document = json.loads(report.as_json(seen))
    assert {m["id"]: (m["checked"], m["listed"]) for m in document["machines"]} == {
        machine.id: (True, machine.id != lost) for machine in demo.machines
    }
    assert 12 <= document["watched_seconds"] < 40


async def test_a_healthy_cluster_that_is_watched_is_healthy() -> None:
    async with DemoCluster(quick(fault="none")) as demo:
        seen = await watched(demo, 5)
    assert seen.exit_status is ExitStatus.HEALTHY
    assert report.as_text(seen).startswith("healthy: 0 findings, 3 of 3 machines checked")
    assert "after a watch of 5 s" in report.as_text(seen)


@dataclass
class PassingRegistry(FakeRegistry):
    """Shows pictures one after the other; the last of them is what is read at the end."""

    earlier: tuple[Snapshot, ...] = ()
    is_lost: bool = False
    """Whether it cannot be read at the end."""

    def follow(self, sink: Callable[[RegistryView], None]) -> None:
        last, self.sink = self.shown, sink
        for picture in (*self.earlier, last):
            self.show(picture)

    async def read(self) -> Snapshot:
        if self.is_lost:
            raise RegistryUnavailable("no quorum")
        return self.shown


async def watched_pictures(
    *pictures: Snapshot, answering: int = 3, is_lost: bool = False
) -> Examination:
    """A short watch in which the registry shows these, and the first machines can be reached."""
    *earlier, last = pictures
    registry = PassingRegistry(last, earlier=tuple(earlier), is_lost=is_lost)
    hosts = FakeHosts({machine.id: facts(machine) for machine in MACHINES[:answering]})
    return await watch(observer_of(registry, hosts), timedelta(seconds=0.1))


def observer_of(registry: FakeRegistry, hosts: FakeHosts) -> Observer:
    cluster = ClusterAddress(("http://127.0.0.1:2379",), "/_coreos.com/fleet/")
    return Observer(cluster, registry, hosts)


def ago(seconds: int, shown: Snapshot) -> Snapshot:
    return replace(shown, read_at=now() - timedelta(seconds=seconds))


async def test_time_that_passes_before_the_last_look_counts() -> None:
    # The first machine is gone, and nobody takes its state away.
    left = snapshot(unit("hello.service", 0), machines=MACHINES[1:])
    seen = await watched_pictures(ago(45, left), ago(20, left), left)
    assert sure_of("ghost-state", seen) == {Confidence.LIKELY}
    assert sure_of("ghost-state", await watched_pictures(left)) == set()


async def test_a_machine_that_left_and_does_not_answer_is_not_taken_for_clean() -> None:
    before, after = snapshot(machines=MACHINES), snapshot(machines=MACHINES[:2])
    seen = await watched_pictures(ago(5, before), after, answering=2)
    assert seen.exit_status is ExitStatus.INCOMPLETE
    assert seen.unread == (
        "machine 33333333.../172.17.8.103, which left the registry: connection refused",
    )
    assert seen.findings == ()


async def test_machines_are_asked_again_and_again_until_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("fleettui.check.watch.ROUND", timedelta(milliseconds=5))
    asked: list[Untrusted] = []

    class Counted(FakeHosts):
        async def probe(
            self, machine: Machine, units: Sequence[Untrusted] = (), since: str | None = None
        ) -> HostFacts:
            asked.append(machine.id)
            return await super().probe(machine, units, since)

    alone = snapshot(machines=MACHINES[:1])
    await watch(observer_of(PassingRegistry(alone), Counted({})), timedelta(seconds=1.5))
    assert len(asked) > 3


async def test_what_was_seen_stands_where_the_registry_is_lost_at_the_end() -> None:
    shown = snapshot(unit("zookeeper@.service", 0, want="loaded"))
    seen = await watched_pictures(shown, is_lost=True)
    assert seen.exit_status is ExitStatus.INCOMPLETE
    assert "template-loaded" in {finding.fault for finding in seen.findings}
    document = json.loads(report.as_json(seen))
    assert document["registry"]["read"] is False
    assert document["registry"]["problem"] == "no quorum"
    assert document["registry"]["machines"] == 3


@pytest.mark.parametrize("seconds", ["4", "901", "a while"])
def test_a_watch_that_is_too_short_or_too_long_is_a_usage_error(seconds: str) -> None:
    argv = [sys.executable, "-m", "fleettui", "check", "--watch", seconds]
    ended = subprocess.run(argv, capture_output=True, timeout=60, check=False, text=True)
    assert ended.returncode == 2
    assert "'--watch'" in ended.stderr


def test_a_watch_by_the_command_ends_in_time_and_says_what_it_could_not_read() -> None:
    argv = [sys.executable, "-m", "fleettui", "--endpoint", "http://127.0.0.1:1", "check"]
    ended = subprocess.run(
        [*argv, "--watch", "5"], capture_output=True, timeout=30, check=False, text=True
    )
    assert ended.returncode == 3
    assert "could not be read: registry" in ended.stdout
    assert "after a watch of 5 s" in ended.stdout


HEARS_CTRL_C = (
    sys.executable,
    "-c",
    (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('fleettui', run_name='__main__')"
    ),
)
"""fleettui as a terminal starts it: what a shell runs in the background ignores SIGINT, and hands
that down to all it starts."""


def test_a_watch_that_is_interrupted_claims_no_findings() -> None:
    with socket.create_server(("127.0.0.1", 0)) as etcd:
        endpoint = f"http://127.0.0.1:{etcd.getsockname()[1]}"
        argv = [*HEARS_CTRL_C, "--endpoint", endpoint, "check", "--watch", "60"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            etcd.settimeout(90)
            connection, _ = etcd.accept()  # it watches by now
            with connection:
                running.send_signal(signal.SIGINT)
                said, complaint = running.communicate(timeout=60)
    assert (running.returncode, said, complaint) == (130, b"", b"")
