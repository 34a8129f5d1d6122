"""A machine right before its fleetd is replaced: what the proof afterwards is measured by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import msgspec

from fleettui.model.host import FLEET_UNITS, HostFacts
from fleettui.model.names import is_template
from fleettui.model.untrusted import Untrusted

_RUNS = {"active", "activating", "reloading"}
_Time = Annotated[datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True, slots=True)
class Before:
    """What was read last before the act."""

    at: datetime
    """UTC, by the machine's clock."""
    index: int
    """etcd's: a state with a greater one was written afterwards."""
    main_pid: int
    """fleetd's; 0 where it did not run."""
    running: Mapping[Untrusted, int]
    """Main PIDs of fleet's units that ran, by name; 0 for one that has no main process."""
    cursor: str = ""
    """Of the newest line of fleetd's journal; empty where there was none."""
    cursor_at: datetime | None = None
    """UTC, by the machine's clock: when that line was written."""

    def as_json(self) -> dict[str, object]:
        """What the record holds of it."""
        return {
            "machine_at": self.at.isoformat(),
            "index": self.index,
            "main_pid": self.main_pid,
            "pids": {name.raw: pid for name, pid in self.running.items()},
            "cursor": self.cursor,
            "cursor_at": self.cursor_at and self.cursor_at.isoformat(),
        }


class _Written(msgspec.Struct):
    """The same in a record."""

    machine_at: _Time
    index: int
    main_pid: int
    pids: dict[str, int]
    cursor: str = ""
    cursor_at: _Time | None = None


def before_from_json(plain: object) -> Before:
    """The same again. Raises ValueError for what is none."""
    read = msgspec.convert(plain, _Written)
    running = {Untrusted(name): pid for name, pid in read.pids.items()}
    return Before(read.machine_at, read.index, read.main_pid, running, read.cursor, read.cursor_at)


def before_of(facts: HostFacts, index: int) -> Before:
    """What a probe, and a read of the registry at `index`, say."""
    newest = next((e for e in reversed(facts.journal) if e.cursor and e.problem is None), None)
    folder = facts.folders.get(FLEET_UNITS)
    names = sorted(n for n in (folder.entries if folder else ()) if not is_template(n.raw))
    services = [s for n in names if (s := facts.services.get(n)) is not None]
    return Before(
        at=facts.clock,
        index=index,
        main_pid=facts.fleet.main_pid if facts.fleet else 0,
        running={s.name: s.main_pid for s in services if s.active.raw in _RUNS},
        cursor=newest.cursor if newest else "",
        cursor_at=newest.at if newest else None,
    )
