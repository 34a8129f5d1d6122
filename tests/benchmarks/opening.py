"""Opens the journals of many machines, as a console does that has no connection yet; see P9."""

import argparse
import asyncio
import os
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from fleettui.hosts.connect import SshHosts, connect_hosts
from fleettui.hosts.settings import HostSettings
from fleettui.model.cluster import Machine
from fleettui.model.host import FLEET_SERVICE, JournalEntry, Span
from fleettui.model.untrusted import Untrusted

from .cluster import address, machine_id
from .machines import Machines, user
from .measure import resident_mb


async def _open(made: Machines, count: int) -> None:
    settings = HostSettings(
        username=user(),
        port=made.port,
        identities=[made.identity],
        known_hosts_file=made.known_hosts,
        openssh_file=made.known_hosts,
        own_file=made.known_hosts,
        ssh_config=None,
    )
    hosts = connect_hosts(settings)
    # What is loaded once is no machine's weight, nor any wait of theirs: a console has it already.
    async with hosts.journal(_machine(count), FLEET_SERVICE) as batches:
        await anext(batches)
    before, spent = resident_mb(os.getpid()), time.process_time()
    began = time.perf_counter()
    async with AsyncExitStack() as held:
        firsts = (_first(hosts, n, began, held) for n in range(count))
        times = sorted(await asyncio.gather(*firsts))
        spent = (time.process_time() - spent) * 1000
        weight = (resident_mb(os.getpid()) - before) * 1000 / count
    sys.stdout.write(f"{times[0]} {times[-1]} {spent} {weight}\n")
    await hosts.close()


async def _first(hosts: SshHosts, number: int, began: float, held: AsyncExitStack) -> float:
    """Milliseconds until a machine's first line; its journal is followed until all have come."""
    opened = hosts.journal(_machine(number), FLEET_SERVICE, Span(10))
    batches = await held.enter_async_context(opened)
    async for items in batches:
        if any(isinstance(item, JournalEntry) for item in items):
            break
    return (time.perf_counter() - began) * 1000


def _machine(number: int) -> Machine:
    return Machine(Untrusted(machine_id(number)), Untrusted(address(number)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("machines", type=int)
    given = parser.parse_args()
    asyncio.run(_open(Machines(given.folder, given.port), given.machines))
