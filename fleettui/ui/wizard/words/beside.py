"""What stands beside a step: each thing that it changes, as it is before and as it is after."""

from collections.abc import Iterable, Iterator
from typing import assert_never

from textual.content import Content

from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import (
    Action,
    CreateKey,
    DeleteFolder,
    DeleteKey,
    OnRegistry,
    Reload,
    RemoveFile,
    RemoveLink,
    Restart,
    RestoreFile,
    RestoreLink,
    SetTargetState,
    StartUnit,
    TrySudo,
    Way,
    joined,
)
from fleettui.repair.planning.stake import UnitAtStake
from fleettui.ui.paint import Tone, paint

Contrast = tuple[str, str, str]
"""What, how it is before, how it is after; safe to show."""


def contrast_lines(actions: Iterable[Action], stake: Iterable[UnitAtStake]) -> Iterator[Content]:
    """A pair for each action that changes something."""
    pairs = [pair for action in actions for pair in contrasts(action, stake)]
    if not pairs:
        return
    yield paint(("Now, and after this step", Tone.ACCENT))
    for what, before, after in pairs:
        yield paint("  ", (what, Tone.STRONG))
        yield paint("    ", (before, Tone.WARN), " → ", (after, Tone.STRONG))


def contrasts(action: Action, stake: Iterable[UnitAtStake]) -> tuple[Contrast, ...]:
    """What one action changes; nothing where it changes nothing."""
    match action:
        case TrySudo():
            return ()
        case SetTargetState() | DeleteKey() | DeleteFolder() | CreateKey():
            return (_written(action),)
        case RemoveFile(unit):
            return ((f"{FLEET_UNITS}/{unit}", "there", "gone, and kept in quarantine"),)
        case RemoveLink(unit):
            return ((f"{SYSTEMD_UNITS}/{unit}", "a link", "gone, and kept in quarantine"),)
        case RestoreFile(unit):
            return ((f"{FLEET_UNITS}/{unit}", "gone", "there, byte for byte"),)
        case RestoreLink(unit):
            return ((f"{SYSTEMD_UNITS}/{unit}", "gone", "a link"),)
        case Reload():
            return (("systemd", "as it read its files last", "as the files are now"),)
        case Restart(way):
            return (("fleetd", "the process that is there", "a new one"), *_units(way, stake))
        case StartUnit(unit):
            return ((str(unit), "does not run", "runs"),)
        case _:
            assert_never(action)


def _written(action: OnRegistry) -> Contrast:
    match action:
        case SetTargetState(unit, expected, wanted):
            return f"target state of {unit}", str(Untrusted(expected)), str(wanted)
        case DeleteKey(key, _, value):
            return joined(key), str(value), "gone"
        case DeleteFolder(key):
            return joined(key), "a folder", "gone"
        case CreateKey(key, value):
            return joined(key), "gone", str(value)
        case _:
            assert_never(action)


def _units(way: Way, stake: Iterable[UnitAtStake]) -> tuple[Contrast, ...]:
    """What becomes of the units of the machine that gets a new fleetd."""
    names = [str(unit.name) for unit in stake if unit.stops]
    if not names:
        return ()
    count = "its unit" if len(names) == 1 else f"its {len(names)} units"
    after = "run on, untouched" if way is Way.GENTLE else "STOPPED, and started anew"
    return ((count, ", ".join(names), after),)
