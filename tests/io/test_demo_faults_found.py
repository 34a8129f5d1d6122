"""Every fault that the demo can have is found there, at its place, and nothing else is."""

from datetime import timedelta

import pytest
from demo_watch import Watch, watch

from fleettui.demo.cluster import DemoSettings
from fleettui.demo.faults import FAULTS
from fleettui.demo.registry_faults import gone_machine
from fleettui.demo.units import TEMPLATE
from fleettui.diagnosis.finding import Severity

Place = tuple[str, str]
"""Unit and machine ID, empty where a finding names none."""

MATURE = {"ghost-state": timedelta(seconds=45), "unschedulable": timedelta(seconds=15)}
"""What must have lasted before it is found: the history is told that this much time went by."""

FOLLOWS = {"template-loaded", "machine-flapping", "etcd-unreachable"}
"""Faults that keep a unit from being scheduled, which is a finding of its own."""


def places(seen: Watch, fault: str) -> set[Place]:
    """Where a fault must be found."""
    machines = seen.demo.machines
    first, second = machines[0].id, machines[1].id

    def target(unit: str) -> Place:
        key = f"job/{unit}/target"
        return unit, seen.demo.registry.read(key)[key]

    match fault:
        case "template-loaded":
            return {target(TEMPLATE)}
        case "needs-daemon-reload":
            return {("search.service", second)}
        case "ghost-state":
            gone = gone_machine(machines[1])
            return {("reports.service", second), ("hello.service", gone)}
        case "bad-target-state":
            return {("batch.service", "")}
        case "orphan-job":
            return {("import.service", ""), ("export.service", "")}
        case "duplicate-machine-id":
            return {("", first)}
        case "no-engine-leader":
            return {("", "")}
        case "unschedulable":
            return {("render.service", "")}
        case "machine-flapping" | "etcd-unreachable":
            return {("", second)}
        case "hash-differs":
            return {target("api.service")}
        case "state-disagrees":
            return {target("hello.service")}
    return set()


def found(seen: Watch, fault: str) -> set[Place]:
    """Where it was found."""
    return {
        (f.unit.raw if f.unit else "", f.machine_id.raw if f.machine_id else "")
        for f in seen.findings
        if f.fault == fault
    }


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - {"none"}))
async def test_a_fault_of_the_demo_is_found_at_its_place_and_no_other_is(fault: str) -> None:
    # At fleet's own TTL, as the command starts it: what a rule counts in seconds depends on it.
    async with watch(DemoSettings(fault=fault)) as seen:
        await seen.look()
        if fault in MATURE:
            await seen.look(seen.last.read_at + MATURE[fault])
        await seen.until(lambda: found(seen, fault) == places(seen, fault))
        others = [f for f in seen.findings if f.fault != fault]
        assert {f.fault for f in others} <= ({"unschedulable"} if fault in FOLLOWS else set())
        assert all(f.severity < Severity.CRITICAL for f in others)


async def test_nothing_is_found_in_a_healthy_demo() -> None:
    async with watch(DemoSettings(fault="none")) as seen:
        await seen.look()
        await seen.look(seen.last.read_at + timedelta(seconds=45))
        assert seen.findings == ()
