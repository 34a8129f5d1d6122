"""Plans for the wizard's tests, made by the planner itself from the cluster of `fakes`."""

import fakes
from fakes import MACHINES, U
from msgspec.structs import replace

from fleettui.diagnosis.diagnose import diagnose
from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Snapshot
from fleettui.model.host import HostFacts
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.look import Look
from fleettui.repair.planning.plan import Plan, plan_repair


def all_facts() -> dict[Untrusted, HostFacts]:
    return {m.id: fakes.facts(m, broken=m is MACHINES[0]) for m in MACHINES}


def the_finding(snapshot: Snapshot | None = None) -> Finding:
    """The template's finding on the first machine."""
    found = diagnose(snapshot or fakes.faulted(), all_facts())
    return next(f for f in found if f.fault == "template-loaded")


def template_plan(version: str = "0.11.8") -> Plan:
    """Against the template on the first machine."""
    shown = fakes.faulted()
    machine = replace(MACHINES[0], version=U(version))
    look = Look(shown, all_facts(), machine)
    return plan_repair(the_finding(shown), look, "20260101T000000Z-abcdef")


def registry_plan(word: str = "runnning") -> Plan:
    """Against a target state that fleet cannot read: only the registry is changed."""
    shown = fakes.snapshot(fakes.unit("web@1.service", 1, want=word))
    found = diagnose(shown, all_facts())
    finding = next(f for f in found if f.fault == "bad-target-state")
    return plan_repair(finding, Look(shown, all_facts(), None), "t")
