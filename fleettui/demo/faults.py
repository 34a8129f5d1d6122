"""Every fault the demo can have, by its id in the catalogue."""

from fleettui.demo.etcd_faults import (
    DuplicateMachineId,
    EtcdUnreachable,
    MachineFlapping,
    NoEngineLeader,
)
from fleettui.demo.fault import Fault
from fleettui.demo.machine_faults import NeedsDaemonReload, StateDisagrees, TemplateLoaded
from fleettui.demo.registry_faults import (
    BadTargetState,
    GhostState,
    HashDiffers,
    OrphanJob,
    Unschedulable,
)

FAULTS: dict[str, type[Fault]] = {
    fault.name: fault
    for fault in (
        TemplateLoaded,
        NeedsDaemonReload,
        GhostState,
        BadTargetState,
        OrphanJob,
        DuplicateMachineId,
        NoEngineLeader,
        Unschedulable,
        MachineFlapping,
        EtcdUnreachable,
        HashDiffers,
        StateDisagrees,
        Fault,
    )
}
"""In the order of the catalogue, and `none` at the end."""
SHORT = {"template": TemplateLoaded.name}
"""Short names for some of them."""


def fault_named(name: str) -> type[Fault]:
    """The fault of that id or short name. Raises ValueError, which names them all."""
    found = FAULTS.get(SHORT.get(name, name))
    if found is None:
        known = ", ".join((*FAULTS, *SHORT))
        raise ValueError(f"the demo knows no fault {name!r}; it knows {known}")
    return found


def described() -> str:
    """One line for each fault: its name and what is wrong."""
    width = max(map(len, FAULTS))
    lines = [f"{name:<{width}}  {fault.line}" for name, fault in FAULTS.items()]
    lines += [f"{short:<{width}}  short for {name}" for short, name in SHORT.items()]
    return "\n".join(lines)
