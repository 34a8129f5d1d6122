"""What a repair does, as data: stages, the single actions, and the steps made of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from fleettui import commands
from fleettui.access import FleetKey
from fleettui.commands import ChangeCommand, shell_text
from fleettui.model.cluster import TargetState
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS
from fleettui.model.untrusted import Untrusted


class Stage(StrEnum):
    """The stages of a repair, in the order in which a plan may hold them; the first and the last
    only read.
    """

    LOCATE = "locate"
    REGISTRY = "registry"
    DELETE = "delete"
    RELOAD = "reload"
    RESTART = "restart"
    START = "start"
    VERIFY = "verify"


class Way(StrEnum):
    """How fleetd is restarted."""

    GENTLE = "gentle"
    """SIGKILL, then start: no chance for the purge, and the new fleetd takes over what runs."""
    FULL = "full"
    """`systemctl restart`: fleetd's SIGTERM handler stops every unit it manages."""


@dataclass(frozen=True, slots=True)
class TrySudo:
    """See whether root may be had through sudo, before anything is changed."""


@dataclass(frozen=True, slots=True)
class SetTargetState:
    """Set what is wanted of a unit, by compare-and-swap on its present value."""

    unit: Untrusted
    expected: str
    wanted: TargetState


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Take fleet's file of the template away, if its bytes are still the ones that were seen."""

    unit: Untrusted
    sha256: str


@dataclass(frozen=True, slots=True)
class RemoveLink:
    """Take systemd's link to that file away."""

    unit: Untrusted


@dataclass(frozen=True, slots=True)
class Reload:
    """Have systemd read its unit files anew."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Give the machine a new fleetd."""

    way: Way


@dataclass(frozen=True, slots=True)
class StartUnit:
    """Start a unit that fleetd wanted to run and could not start."""

    unit: Untrusted


@dataclass(frozen=True, slots=True)
class DeleteKey:
    """Delete a key of the registry, if nobody wrote it since it was read.

    A state is renewed twice in 30 s by a living agent: of it the same value counts as unwritten.
    """

    key: FleetKey
    index: int
    """etcd's modifiedIndex of what was read."""
    value: Untrusted

    @property
    def may_be_renewed(self) -> bool:
        """Whether a newer index with the same value is still what was read."""
        return self.key[0].raw == "states"


@dataclass(frozen=True, slots=True)
class DeleteFolder:
    """Delete a folder of the registry that holds nothing any more."""

    key: FleetKey


@dataclass(frozen=True, slots=True)
class RestoreFile:
    """Undo: put fleet's file back as it was, from quarantine or from the copy kept here."""

    unit: Untrusted
    sha256: str


@dataclass(frozen=True, slots=True)
class RestoreLink:
    """Undo: put systemd's link to fleet's file back."""

    unit: Untrusted


@dataclass(frozen=True, slots=True)
class CreateKey:
    """Undo: write a deleted key again, if nobody else did meanwhile."""

    key: FleetKey
    value: Untrusted


OnRegistry = SetTargetState | DeleteKey | DeleteFolder | CreateKey
"""Actions that are requests to etcd."""
OnMachine = (
    TrySudo | RemoveFile | RemoveLink | Reload | Restart | StartUnit | RestoreFile | RestoreLink
)
"""Actions that are commands on the machine."""
Action = OnRegistry | OnMachine


@dataclass(frozen=True, slots=True)
class Step:
    """One stage that changes something, as it is shown, confirmed, recorded and run."""

    stage: Stage
    actions: tuple[Action, ...]
    why: str
    needs: tuple[str, ...]
    """What must be true before it; looked at again right before it runs."""
    changes: tuple[str, ...]
    keeps: tuple[str, ...]
    """What it leaves alone."""
    reads_back: str
    """What must be read from the cluster afterwards, before the step counts as done."""
    undo: tuple[Action, ...] = ()
    """What takes it back, in the order in which it would run."""
    undo_note: str = ""
    """What undoing means, or why there is no undo."""


def host_commands(action: Action, token: str) -> tuple[ChangeCommand, ...]:
    """The commands of an action in their order; none for one that only writes to the registry."""
    match action:
        case SetTargetState() | DeleteKey() | DeleteFolder() | CreateKey():
            return ()
        case TrySudo():
            return (commands.sudo_works(),)
        case RemoveFile(unit, sha256):
            return (commands.remove_file(unit.raw, sha256, token),)
        case RemoveLink(unit):
            return (commands.remove_link(unit.raw, token),)
        case Reload():
            return (commands.daemon_reload(),)
        case Restart(way):
            gentle = (commands.kill_fleet(), commands.start_fleet())
            return gentle if way is Way.GENTLE else (commands.restart_fleet(),)
        case StartUnit(unit):
            return (commands.start_unit(unit.raw),)
        case RestoreFile(unit, sha256):
            return (commands.restore_file(unit.raw, sha256, token),)
        case RestoreLink(unit):
            return (commands.restore_link(unit.raw, token),)
        case _:
            assert_never(action)


def summary(action: Action) -> str:
    """What an action does, in a line that is safe to show."""
    match action:
        case SetTargetState() | DeleteKey() | DeleteFolder() | CreateKey():
            return f"registry: {_written(action)}"
        case TrySudo():
            return "root may be had through sudo: changes nothing"
        case RemoveFile(unit, sha256):
            return f"quarantine {FLEET_UNITS}/{unit}, if its sha256 is still {sha256[:12]}..."
        case RemoveLink(unit):
            return f"quarantine the link {SYSTEMD_UNITS}/{unit}"
        case RestoreFile(unit):
            return f"put {FLEET_UNITS}/{unit} back from quarantine, byte for byte"
        case RestoreLink(unit):
            return f"put the link {SYSTEMD_UNITS}/{unit} back"
        case Reload():
            return "systemd reads its unit files anew"
        case Restart(way):
            gentle = "fleetd is killed and started; nothing else is"
            return gentle if way is Way.GENTLE else "fleetd is restarted, and all its units"
        case StartUnit(unit):
            return f"systemd starts {unit}"
        case _:
            assert_never(action)


def _written(action: OnRegistry) -> str:
    match action:
        case SetTargetState(unit, expected, wanted):
            return f"{unit} from {Untrusted(expected)} to {wanted}"
        case DeleteKey(key):
            unchanged = (
                "it still says the same" if action.may_be_renewed else "nobody wrote it since"
            )
            return f"delete {joined(key)}, if {unchanged}"
        case DeleteFolder(key):
            return f"delete the folder {joined(key)}, which is empty then"
        case CreateKey(key):
            return f"write {joined(key)} again, if it is not there"
        case _:
            assert_never(action)


def literal(action: Action, token: str, prefix: str) -> tuple[str, ...]:
    """What will run, word for word: etcd's request, or the line the machine's shell gets."""
    match action:
        case SetTargetState(unit, expected, wanted):
            key = f"{prefix}job/{unit}/target-state"
            return (f"etcd PUT {key}?prevValue={Untrusted(expected)}  value={wanted}",)
        case DeleteKey(key, index):
            renewed = (
                ", or that of its renewal with the same value" if action.may_be_renewed else ""
            )
            return (f"etcd DELETE {prefix}{joined(key)}?prevIndex={index}{renewed}",)
        case DeleteFolder(key):
            return (f"etcd DELETE {prefix}{joined(key)}?dir=true",)
        case CreateKey(key, value):
            return (f"etcd PUT {prefix}{joined(key)}?prevExist=false  value={value}",)
        case _:
            return tuple(shell_text(command) for command in host_commands(action, token))


def joined(key: Iterable[Untrusted]) -> str:
    """A key below fleet's prefix, safe to show."""
    return "/".join(str(segment) for segment in key)
