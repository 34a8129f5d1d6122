"""Units of which all is as fleet writes it, made straight from what was read.

That is nearly every unit of a registry that is read for the first time. Whatever is odd about one
leaves it to `fleettui.registry.decode`, which finds words for it.
"""

from collections.abc import Mapping

from fleettui.model.cluster import Unit, UnitState
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted
from fleettui.registry import records
from fleettui.registry.answers import Node
from fleettui.registry.decode import UNREADABLE, States, word
from fleettui.registry.tree import Folder, name_of


def ordinary_units(
    jobs: Folder, states: Folder, files: Mapping[str, UnitFile | None]
) -> dict[str, Unit]:
    """Those of the unopened folders, by name.

    They are gone through as they lie in memory: in order of name it takes twice as long.
    Keys are taken to be those of their folder, as `fleettui.registry.tree` does.
    """
    told = {name: _states(node) for name, node in states.items() if type(node) is Node}
    units = {}
    for name, node in jobs.items():
        reports = told.get(name) if name in states else ()
        if type(node) is Node and reports is not None:
            unit = _unit(name, node, reports, files)
            if unit is not None:
                units[name] = unit
    return units


def _unit(
    name: str, job: Node, states: States, files: Mapping[str, UnitFile | None]
) -> Unit | None:
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
        found = records.job_object.decode(described or "")
    except UNREADABLE:
        return None
    unit_hash = bytes(found.unit_hash).hex()
    file = files.get(unit_hash)
    if found.name != name or file is None or file.problem is not None:
        return None
    return Unit(
        Untrusted(name),
        unit_hash,
        word(wanted) if wanted is not None else None,
        word(target) if target else None,
        word(heartbeat) if heartbeat else None,
        states,
        file,
    )


def _states(folder: Node) -> States | None:
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
        state = UnitState(
            word(machine_id),
            word(found.load_state),
            word(found.active_state),
            word(found.sub_state),
            word(found.unit_hash),
            node.modified_index,
        )
        states.append(state)
    return tuple(states)
