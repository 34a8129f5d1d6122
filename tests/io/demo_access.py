"""Logging in to the machines of a demo cluster, and looking at what they tell."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncssh

from fleettui import commands
from fleettui.demo.cluster import DemoCluster, DemoSettings
from fleettui.demo.machine import Machine

DEADLINE = 30.0
FAST = DemoSettings(ttl=6, lease_ttl=4, pull=0.2)
FAULT = "Failed fetching current unit states: Unit name zookeeper@.service is not valid."


def broken_machine(demo: DemoCluster) -> Machine:
    broken = demo.broken
    assert broken is not None
    return broken


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what happens in the demo's own threads; fail at the deadline."""
    async with asyncio.timeout(DEADLINE):
        while not happened():  # noqa: ASYNC110 - what happens there sets no event of ours
            await asyncio.sleep(0.05)


@asynccontextmanager
async def login(
    demo: DemoCluster, machine: Machine, username: str = "core"
) -> AsyncIterator[asyncssh.SSHClientConnection]:
    async with asyncssh.connect(
        machine.ip,
        demo.ssh_port,
        username=username,
        client_keys=[str(demo.identity)],
        known_hosts=str(demo.known_hosts),
        config=None,
    ) as connection:
        yield connection


async def perform(demo: DemoCluster, machine: Machine, *wanted: commands.Command) -> list[bytes]:
    """Run commands one after the other; what each printed."""
    printed = []
    async with login(demo, machine) as connection:
        for command in wanted:
            done = await connection.run(commands.shell_text(command), encoding=None)
            assert done.exit_status == 0
            assert isinstance(done.stdout, bytes)
            printed.append(done.stdout)
    return printed


def fault_lines(machine: Machine) -> int:
    lines = machine.journal.tail(["fleet.service"], 100_000)
    return sum(FAULT.encode() in entry.line for entry in lines)


def told(demo: DemoCluster, unit: str) -> dict[str, str]:
    """The active state that each machine tells of a unit."""
    found = demo.registry.read(f"states/{unit}")
    return {key.split("/")[2]: json.loads(value)["activeState"] for key, value in found.items()}
