"""What a cure says of a repair: whose it is, its steps, and what they put at stake."""

import re
from dataclasses import dataclass

from fleettui.access import FleetKey
from fleettui.diagnosis.finding import Finding
from fleettui.diagnosis.template_loaded import machine_evidence
from fleettui.model.cluster import Machine, TargetState
from fleettui.model.host import HostFacts
from fleettui.model.names import refusal
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Step, Way, joined
from fleettui.repair.planning.look import NotRepairable
from fleettui.repair.planning.stake import UnitAtStake

_SEGMENT = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}")


@dataclass(frozen=True, slots=True)
class Cure:
    """All of a plan but the fault it is against and the token that names it."""

    units: tuple[Untrusted, ...]
    steps: tuple[Step, ...]
    machine: Machine | None = None
    host: str = ""
    ways: tuple[Way, ...] = ()
    at_stake: tuple[UnitAtStake, ...] = ()
    words: tuple[TargetState, ...] = ()
    """Target states on offer, the default first."""


def unit_of(finding: Finding) -> Untrusted:
    """The unit that is to be repaired. Raises NotRepairable without one that can be acted on."""
    if finding.unit is None:
        raise NotRepairable(f"The finding {finding.fault} names no unit to repair.")
    insist_on_name(finding.unit)
    return finding.unit


def insist_on_name(unit: Untrusted) -> None:
    """Raise NotRepairable for a unit of a name that fleettui does not act on."""
    why = refusal(unit.raw)
    if why is not None:
        raise NotRepairable(f"fleettui does not act on {unit}: {why}. Remove it by hand.")


def insist_on_key(key: FleetKey) -> None:
    """Raise NotRepairable for a key that is none for `is_key`."""
    if not is_key(key):
        raise NotRepairable(
            f"fleettui does not act on the registry key {joined(key)}: etcd could read a part of "
            "it as more than a name. Look at it by hand."
        )


def is_key(key: FleetKey) -> bool:
    """Whether no segment of a key could be read as more than a name."""
    return all(_SEGMENT.fullmatch(s.raw) and s.raw not in {".", ".."} for s in key)


def insist_on_living_agent(machine: Machine, facts: HostFacts) -> None:
    """Raise NotRepairable where a loaded template broke the machine's agent."""
    broken_by = next((name for name, _ in machine_evidence(facts)), None)
    if broken_by is not None:
        raise NotRepairable(
            f"The agent on {machine.public_ip} is broken by the template {broken_by}: repair that "
            "first (template-loaded), then look again."
        )
