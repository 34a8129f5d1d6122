"""The restart step: which ways a fleetd takes, and what each of them means for the units."""

import re
from collections.abc import Sequence
from typing import assert_never

from fleettui.model.untrusted import Untrusted
from fleettui.model.version import Version, parse_version
from fleettui.repair.planning.action import Restart, Stage, Step, Way
from fleettui.repair.planning.stake import UnitAtStake, told

_FIRST_GENTLE: Version = (0, 8, 0)
_NO_LONGER_GENTLE: Version = (0, 13, 0)
GENTLE_MEASURED: tuple[Version, ...] = ((0, 8, 3), (0, 9, 2), (0, 10, 2), (0, 11, 8), (0, 12, 0))
"""Where units' main PIDs were compared before and after SIGKILL and start: none changed."""
_NO_GENTLE = (
    "fleetd from 0.13 on has no gentle way: killed and started, its machine left the registry for "
    "up to 30 s, and its units moved to other machines (measured on 1.0.0)."
)
_ANY_NUMBER = re.compile(r"\d+\.\d+\.\d+")


def ways_for(version: Untrusted, on_disk: Untrusted = Untrusted("")) -> tuple[Way, ...]:
    """Restarts that fleetd of this version takes, the default first (measured 0.8.3 to 1.0.0).

    `on_disk` is what the program to be started says of itself, where it says anything: after an
    update another fleetd may come up than the one that runs.
    """
    comes_up = _ANY_NUMBER.search(on_disk.raw)
    if _is_gentle(version.raw) and (comes_up is None or _is_gentle(comes_up[0])):
        return (Way.GENTLE, Way.FULL)
    return (Way.FULL,)


def _is_gentle(version: str) -> bool:
    parsed = parse_version(version)
    return parsed is not None and _FIRST_GENTLE <= parsed < _NO_LONGER_GENTLE


def why_gentle(version: Untrusted) -> str:
    """How it is known that the gentle way stops nothing on this version, safe to show.

    Raises ValueError for a version for which it is not.
    """
    parsed = parse_version(version.raw)
    if parsed is None or not _is_gentle(version.raw):
        raise ValueError(f"fleetd {version} is not restarted gently")
    lower = [v for v in GENTLE_MEASURED if v < parsed]
    upper = [v for v in GENTLE_MEASURED if v > parsed]
    if parsed in GENTLE_MEASURED:
        measured = f"measured on fleetd {_dotted(parsed)} itself"
    elif lower and upper:
        measured = (
            f"not measured on {version}, but on {_dotted(lower[-1])} and {_dotted(upper[0])}, "
            "between which it lies"
        )
    else:
        nearest = upper[0] if upper else lower[-1]
        measured = f"not measured on {version}, but on {_dotted(nearest)}, the nearest to it"
    return f"Known because it was {measured}: no unit's main process changed."


def _dotted(version: Version) -> str:
    return ".".join(map(str, version))


def restart_step(way: Way, stake: Sequence[UnitAtStake], version: Untrusted) -> Step:
    """A new fleetd, because the old one holds the template's name in memory."""
    why = "fleetd holds the template's name in memory and fails until it is replaced."
    match way:
        case Way.GENTLE:
            changes: tuple[str, ...] = (
                "fleetd's main process is killed (SIGKILL) and started anew.",
                "If it led the engine, another machine leads within 10 s.",
            )
            keeps: tuple[str, ...] = (
                f"Stops nothing: the units of this machine ({len(stake)}) keep running.",
                "Killed, fleetd has no chance to stop them; the new one takes over what runs.",
                why_gentle(version),
            )
        case Way.FULL:
            changes = tuple(_stopped(stake))
            keeps = ("Units on other machines keep running.",)
            why = why if _is_gentle(version.raw) else f"{why} {_unless_gentle(version)}"
        case _:
            assert_never(way)
    return Step(
        Stage.RESTART,
        (Restart(way),),
        why=why,
        needs=(
            "Nobody wants the template, no machine is its target, and both unit folders are clean.",
        ),
        changes=changes,
        keeps=keeps,
        reads_back="fleetd runs as a new process, has been active for 10 s, and the machine's key "
        "is in the registry",
        undo_note="A restart cannot be undone; it leaves nothing behind but a new fleetd.",
    )


def _unless_gentle(version: Untrusted) -> str:
    parsed = parse_version(version.raw)
    if parsed is not None and parsed >= _NO_LONGER_GENTLE:
        return _NO_GENTLE
    return f"The gentle way is known for fleetd 0.8 to 0.12 only, and this one is {version or '?'}."


def _stopped(stake: Sequence[UnitAtStake]) -> list[str]:
    """What the full restart does to every unit, in the order in which they should come back."""
    in_order = sorted(stake, key=lambda unit: (unit.order, unit.name))
    return [
        f"STOPS EVERY UNIT of this machine ({len(stake)}): fleetd unloads them all when it ends,",
        "and they are started again afterwards, here or elsewhere, expected in this order:",
        *(told(unit) for unit in in_order),
    ]
