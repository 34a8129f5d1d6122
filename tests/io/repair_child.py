"""Repairs a demo cluster in a process of its own, which is killed at a point it is told.

Its arguments: how the cluster is reached (JSON), the folder of records, the way, and the point:
`before NAME` or `after NAME` of a call, or `EVENT` or `EVENT ACTION` that was just written down.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from demo_repair import begun, name_of, next_step
from msgspec.structs import replace

from fleettui.access import CommandResult, HostHands, Operator
from fleettui.cli import Settings, build
from fleettui.commands import ChangeCommand
from fleettui.model.cluster import Machine
from fleettui.repair.planning.action import Way
from fleettui.repair.records.outcome import Result
from fleettui.repair.records.record import Record


class Fuse:
    """Ends this process, by SIGKILL, when the point has come."""

    def __init__(self, point: str) -> None:
        self._point = point
        self.is_armed = False

    def reached(self, *points: str) -> None:
        if self.is_armed and self._point in points:
            os.kill(os.getpid(), signal.SIGKILL)

    async def around(self, name: str, call: Awaitable[Any]) -> Any:
        self.reached(f"before {name}")
        result = await call
        self.reached(f"after {name}")
        return result


class Hands:
    """The real hands, with the fuse at every command."""

    def __init__(self, real: HostHands, fuse: Fuse) -> None:
        self._real, self._fuse = real, fuse

    async def perform(self, machine: Machine, command: ChangeCommand) -> CommandResult:
        result = await self._fuse.around(
            name_of(command.argv), self._real.perform(machine, command)
        )
        assert isinstance(result, CommandResult)
        return result


class Writer:
    """The real writer, with the fuse at its one change of fleet's keys."""

    def __init__(self, real: Any, fuse: Fuse) -> None:
        self._real, self._fuse = real, fuse

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def set_target_state(self, *wanted: Any) -> None:
        await self._fuse.around("unload", self._real.set_target_state(*wanted))


def watched(fuse: Fuse, real: Callable[..., None]) -> Callable[..., None]:
    """`Record.write`, with the fuse behind every line."""

    def write(record: Record, event: str, **facts: Any) -> None:
        real(record, event, **facts)
        fuse.reached(event, f"{event} {facts.get('action')}")

    return write


def settings_from(reach: str) -> Settings:
    wanted = json.loads(reach)
    return Settings(
        endpoints=(wanted["endpoint"],),
        prefix=wanted["prefix"],
        username=wanted["username"],
        port=wanted["port"],
        identities=(Path(wanted["identity"]),),
        known_hosts_file=Path(wanted["known_hosts"]),
        observe=False,
        own_known_hosts=Path(wanted["known_hosts"]).with_name("accepted"),
    )


async def main(reach: str, records: str, way: str, point: str) -> None:
    fuse = Fuse(point)
    access = build(settings_from(reach))
    assert isinstance(access, Operator)
    Record.write = watched(fuse, Record.write)  # type: ignore[method-assign]  # to end behind it
    writer: Any = Writer(access.writer, fuse)
    operator = replace(access, hands=Hands(access.hands, fuse), writer=writer)
    repair = await begun(operator, Path(records), Way(way))
    fuse.is_armed = True
    while repair.next_stage is not None:
        outcome = await next_step(repair, operator.name)
        if outcome.result is not Result.DONE:
            raise SystemExit(f"not done: {outcome}")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
