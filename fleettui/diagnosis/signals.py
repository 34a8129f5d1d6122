"""What fleetd's journal says besides the main fault's loop: the lines that faults are told by."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from types import MappingProxyType

import msgspec

from fleettui.diagnosis.lines import part
from fleettui.model.host import JournalEntry


class Said(StrEnum):
    """Lines of fleetd that mean something to a rule."""

    BEGAN = "began"
    """A new process."""
    TOLD_ANEW = "told_anew"
    """SIGHUP."""
    TOLD_TO_END = "told_to_end"
    CONNECTING = "connecting"
    """A server of fleetd sets out to write its machine's key, which takes it milliseconds."""
    REGISTERED = "registered"
    """It wrote it (0.13+)."""
    UP = "up"
    """It wrote it, and its agent and engine begin."""
    WROTE = "wrote"
    """Of a unit file."""
    REMOVED = "removed"
    """Of a unit file."""
    STARTED = "started"
    """Of a unit."""
    UNKNOWN_TO_SYSTEMD = "unknown_to_systemd"
    """Of a unit, which need not be the one that was to be started."""
    BAD_STATE = "bad_state"
    """Of a unit, empty in releases that do not name it."""
    NO_UNIT = "no_unit"
    """Of a job."""
    NO_HASH = "no_hash"
    """Of a unit's hash."""
    LEASE_LOST = "lease_lost"
    """The renewal failed; of `101: Compare failed` where another write came between."""
    LEASE_FAILED = "lease_failed"
    STOLE = "stole"
    """Of the machine that the lease was stolen from."""
    ID_TAKEN = "id_taken"
    """The machine's own key was there before it registered."""
    TIMED_OUT = "timed_out"
    """fleetd could not renew its machine's key in time, and starts its server anew."""
    WENT_AWAY = "went_away"
    """Of a machine, said by the engine."""
    NO_REGISTRY = "no_registry"
    """A request to the registry failed."""
    OTHER_HASH = "other_hash"
    """Of a unit that the agent unloads because its file is another one than the registry's."""


_LINE = (
    r"(?P<began>Starting fleetd version)"
    r"|(?P<told_anew>Restarting server components)"
    r"|(?P<told_to_end>Gracefully shutting down|Server monitor triggered: told to shut down)"
    r"|(?P<connecting>Establishing etcd connectivity)"
    r"|(?P<registered>hrt\.(?:Register|Beat)\(\) success)"
    r"|(?P<up>Starting server components)"
    r"|(?P<wrote>Writing systemd unit (\S+))"
    r"|(?P<removed>Removing systemd unit (\S+))"
    r"|(?P<started>Triggered systemd unit (\S+) start)"
    r"|(?P<unknown_to_systemd>Failed to (?:trigger|start) systemd unit \S+?(?: start)?:"
    r" Unit (\S+) (?:failed to load: No such file or directory|not found))"
    r"|(?P<bad_state>(?:Failed to parse Unit from etcd: )?(?:failed to parse Unit\((.*?)\)"
    r" target-state: )?invalid value .* for JobState)"
    r"|(?P<no_unit>No Unit found in Registry for Job\((.*)\))"
    r"|(?P<no_hash>did not find Unit ([0-9a-f]{40}) in list of all units)"
    r"|(?P<lease_lost>Engine leadership lost, renewal failed(?:: (101: Compare failed))?)"
    r"|(?P<lease_failed>Engine leadership (?:re-)?acquisition failed)"
    r"|(?P<stole>Stole engine leadership from Machine\((.*)\))"
    r"|(?P<id_taken>Server register machine failed: 105: Key already exists)"
    r"|(?P<timed_out>Server monitor triggered: Monitor timed out before successful heartbeat)"
    r"|(?P<went_away>EngineReconciler completed task: [^\"]*\"target Machine\(([^)]*)\) went away)"
    r"|(?P<no_registry>Failed fetching (?:Units|Jobs|schedule|Machines|machine state) from Registry"
    r"|Unable to determine (?:agent's desired state|cluster engine version|current lease|"
    r"current lessee)|Server register machine failed: (?!105: Key already exists)"
    r"|Unable to get result for \{(?!Watch )[^}]*\}, retrying in "
    r"|Failed getting response from \S+: (?!unexpected EOF|cancelled))"
    r"|(?P<other_hash>AgentReconciler completed task: type=UnloadUnit job=(\S+)"
    r" reason=\"unit loaded but hash differs to expected\")"
)


@cache
def _line() -> re.Pattern[str]:
    """Made with the first line of a journal, for it takes two milliseconds."""
    return re.compile(_LINE)


class Signal(msgspec.Struct, frozen=True):
    """One such line."""

    kind: Said
    about: str
    """The unit, machine or hash that it names; empty where it names none."""
    entry: JournalEntry

    @property
    def at(self) -> datetime:
        """UTC, by the machine's clock."""
        return self.entry.at


class Signals(msgspec.Struct, frozen=True):
    """The lines of one machine's journal that rules ask for, oldest first."""

    said: Mapping[Said, tuple[Signal, ...]] = MappingProxyType({})

    def of(self, *kinds: Said, about: str | None = None) -> tuple[Signal, ...]:
        """All lines of these kinds, of one unit or machine if it is given, oldest first."""
        found = [s for k in kinds for s in self.said.get(k, ()) if about in {None, s.about}]
        return tuple(sorted(found, key=lambda s: s.at)) if len(kinds) > 1 else tuple(found)

    def last(self, *kinds: Said, about: str | None = None) -> Signal | None:
        """The newest line of these kinds."""
        found = self.of(*kinds, about=about)
        return found[-1] if found else None

    def within(
        self, span: timedelta, clock: datetime, *kinds: Said, about: str | None = None
    ) -> tuple[Signal, ...]:
        """The lines of these kinds no older than `span` at `clock`, by the machine's clock."""
        return tuple(s for s in self.of(*kinds, about=about) if clock - s.at <= span)


def signals_in(entries: Iterable[JournalEntry]) -> Signals:
    """One pass over a journal, by the messages alone: file and line differ from release to
    release."""
    said: dict[Said, list[Signal]] = {}
    for entry in entries:
        found = _line().match(part(entry.message.raw).text)
        if found is not None and found.lastgroup is not None:
            kind = Said(found.lastgroup)
            said.setdefault(kind, []).append(Signal(kind, _about(found), entry))
    return Signals(MappingProxyType({kind: tuple(signals) for kind, signals in said.items()}))


def _about(found: "re.Match[str]") -> str:
    """The group inside the one that matched, if it has one and that matched."""
    whole = found.re.groupindex[found.lastgroup or ""]
    inner = whole + 1
    has_inner = inner <= found.re.groups and inner not in found.re.groupindex.values()
    return (found[inner] or "") if has_inner else ""
