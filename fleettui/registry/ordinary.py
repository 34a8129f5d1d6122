"""Units of which all is as fleet writes it, made straight from what was read.

That is nearly every unit of a registry that is read for the first time. Whatever is odd about one
leaves it to `fleettui.registry.decode`, which finds words for it.

Folders are gone through as they lie in memory: in order of name it takes twice as long. Their keys
are taken to be those of their folder, as `fleettui.registry.tree` does.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from fleettui.model.cluster import Unit, UnitState
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted
from fleettui.registry import records
from fleettui.registry.answers import Node
from fleettui.registry.decode import UNREADABLE, word
from fleettui.registry.tree import Folder, name_of

_S = TypeVar("_S")
_W = TypeVar("_W")

Job = tuple[str, _W | None, _W | None, _W | None, UnitFile]
"""The hash in hex, target state, target and heartbeat of a unit, and its file."""


def ordinary_units(
    jobs: Folder, states: Folder, files: Mapping[str, UnitFile | None]
) -> dict[str, Unit]:
    """Those of the unopened folders, by name."""
    told = ordinary_states(states, word, UnitState)
    units = {}
    for name, job in ordinary_jobs(jobs, files, word):
        reports = told.get(name, ())
        if reports is not None:
            unit_hash, wanted, target, heartbeat, file = job
            key = Untrusted(name)
            units[name] = Unit(key, unit_hash, wanted, target, heartbeat, reports, file)
    return units


def ordinary_jobs(
    jobs: Folder, files: Mapping[str, UnitFile | None], word: Callable[[str], _W]
) -> Iterator[tuple[str, Job[_W]]]:
    """What the unopened `job/` says of units, by name; those that are odd are left out."""
    hashes = _Hashes()
    for name, node in jobs.items():
        job = _job(name, node, hashes, files, word) if type(node) is Node else None
        if job is not None:
            yield name, job


def ordinary_states(
    states: Folder, word: Callable[[str], _W], make: Callable[[_W, _W, _W, _W, _W, int], _S]
) -> dict[str, tuple[_S, ...] | None]:
    """What the unopened `states/` says of units, by name; None for those that are odd.

    `make` is given the fields of a `UnitState`.
    """
    return {
        name: _states(node, word, make) if type(node) is Node else None
        for name, node in states.items()
    }


def _job(
    name: str,
    job: Node,
    hashes: "_Hashes",
    files: Mapping[str, UnitFile | None],
    word: Callable[[str], _W],
) -> Job[_W] | None:
    """None where something is missing, unreadable or of another kind."""
    described = wanted = target = heartbeat = None
    begin = len(job.key) + 1
    for node in job.nodes:
        if node.dir:
            return None
        match node.key[begin:]:
            case "object":
                described = node.value
            case "target":
                target = node.value
            case "target-state":
                wanted = node.value
            case "job-state":
                heartbeat = node.value
    try:
        found = records.job_words.decode(described or "")
        unit_hash = hashes[bytes(found.unit_hash)]
    except UNREADABLE:
        return None
    file = files.get(unit_hash)
    if found.name != name or file is None or file.problem is not None:
        return None
    return (
        unit_hash,
        word(wanted) if wanted is not None else None,
        word(target) if target else None,
        word(heartbeat) if heartbeat else None,
        file,
    )


def _states(
    folder: Node, word: Callable[[str], _W], make: Callable[[_W, _W, _W, _W, _W, int], _S]
) -> tuple[_S, ...] | None:
    """One a machine, sorted by machine ID; None where one of them is odd."""
    states, begin = [], len(folder.key) + 1
    for node in sorted(folder.nodes, key=name_of) if len(folder.nodes) > 1 else folder.nodes:
        machine_id = node.key[begin:]
        try:
            found = records.state_object.decode(node.value)
        except UNREADABLE:
            return None
        teller = found.machine_state
        is_odd = node.dir or not machine_id or "/" in machine_id
        if is_odd or (teller is not None and teller.id != machine_id):
            return None
        state = make(
            word(machine_id),
            word(found.load_state),
            word(found.active_state),
            word(found.sub_state),
            word(found.unit_hash),
            node.modified_index,
        )
        states.append(state)
    return tuple(states)


class _Hashes(dict[bytes, str]):
    """In hex, by the lists of bytes that fleet writes."""

    def __missing__(self, written: bytes) -> str:
        unit_hash = self[written] = bytes(records.hash_list.decode(written)).hex()
        return unit_hash
