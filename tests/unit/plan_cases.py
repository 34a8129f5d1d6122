"""What is planned for, in a few words: findings, and what was looked at; plans of every cure."""

from collections.abc import Mapping
from typing import Any

from diagnosis_cases import HASH, TEMPLATE, A, B, U, facts, line, service, snapshot, state, unit
from msgspec import structs
from msgspec.structs import replace

from fleettui.access import FleetKey, KeyValue
from fleettui.diagnosis.finding import Evidence, Finding, Severity, Source
from fleettui.model.cluster import Machine, Snapshot, Unit
from fleettui.model.host import FLEET_SERVICE, HostReport, ImageFacts
from fleettui.model.unitfile import UnitFile
from fleettui.repair.planning.look import Look
from fleettui.repair.planning.plan import Plan, plan_repair

TOKEN = "20260101T120000Z-abcdef"
PREFIX = "/_coreos.com/fleet/"
BROKEN = replace(A, version=U("0.11.8"))
"""The machine that is repaired."""
LOOP = (
    "ERROR generator.go:65: Failed fetching current unit states: Unit name foo@.service is not "
    "valid."
)
FLEET = service(U(FLEET_SERVICE), "loaded active running")
BATCH, EXPORT, SEARCH, REPORTS = (
    U(f"{word}.service") for word in ("batch", "export", "search", "reports")
)


def finding(fault: str, unit_name: U | None = TEMPLATE, machine: Machine | None = A) -> Finding:
    seen = Evidence(Source.REGISTRY, U("job/foo@.service/target"), U("a machine"))
    where = machine.id if machine else None
    return Finding(fault, Severity.WARNING, unit_name, where, "something is wrong", (seen,))


def look(
    seen: Snapshot,
    *reports: HostReport,
    machine: Machine | None = BROKEN,
    images: Mapping[U, ImageFacts] | None = None,
    keys: Mapping[FleetKey, KeyValue] | None = None,
) -> Look:
    by_machine = {report.machine_id: report for report in reports}
    return Look(seen, by_machine, machine, images or {}, keys or {})


def job_key(name: U, leaf: str) -> FleetKey:
    return (U("job"), name, U(leaf))


def template(target_state: str = "loaded", **changed: Any) -> Unit:
    made = Unit(TEMPLATE, HASH, U(target_state), A.id if target_state != "inactive" else None)
    return structs.replace(made, **changed)


def file_of(text: str) -> UnitFile:
    return UnitFile(U(text))


def broken_cluster(*units: Unit) -> Snapshot:
    return snapshot(template(), *units, machines=(BROKEN, B))


def template_plan(way: str = "gentle") -> Plan:
    """A broken machine with two units; one pulls an image."""
    web = unit(U("web.service"), file=file_of("[Service]\nExecStartPre=docker pull nginx:1.9\n"))
    names = (U("hello.service"), U("web.service"))
    broken = facts(
        BROKEN,
        FLEET,
        *(service(name) for name in names),
        files=(TEMPLATE, *names),
        journal=(line(LOOP, 1),),
    )
    machine = replace(BROKEN, version=U("1.0.0" if way == "full" else "0.11.8"))
    seen = look(broken_cluster(unit(), web), broken, facts(B, FLEET), machine=machine)
    return plan_repair(finding("template-loaded"), seen, TOKEN)


def reload_plan() -> Plan:
    search = unit(SEARCH, state(words="not-found inactive dead"))
    known = service(SEARCH, "not-found inactive dead")
    seen = look(snapshot(search), facts(A, FLEET, known, files=(SEARCH,)), machine=A)
    return plan_repair(finding("needs-daemon-reload", SEARCH), seen, TOKEN)


def ghost_plan() -> Plan:
    seen = snapshot(unit(REPORTS, unit_hash=None, target_state=None, target=None))
    key: FleetKey = (U("states"), REPORTS, A.id)
    keys = {key: KeyValue(U("{}"), 41)}
    return plan_repair(
        finding("ghost-state", REPORTS), look(seen, facts(A, FLEET), machine=A, keys=keys), TOKEN
    )


def word_plan() -> Plan:
    seen = snapshot(unit(BATCH, target_state=U("started"), target=None, states=()))
    return plan_repair(
        finding("bad-target-state", BATCH, None), look(seen, facts(A, FLEET), machine=None), TOKEN
    )


def orphan_plan(value: str = '{"Name":"export.service"}') -> Plan:
    orphan = Unit(EXPORT, HASH, U("launched"))
    keys = {
        job_key(EXPORT, "object"): KeyValue(U(value), 7),
        job_key(EXPORT, "target-state"): KeyValue(U("launched"), 9),
    }
    return plan_repair(
        finding("orphan-job", EXPORT, None),
        look(snapshot(orphan), facts(A, FLEET), machine=None, keys=keys),
        TOKEN,
    )


def all_plans() -> dict[str, Plan]:
    """One plan of every cure, and of each way of the restart."""
    return {
        "template, gentle": template_plan(),
        "template, full": template_plan("full"),
        "needs-daemon-reload": reload_plan(),
        "ghost-state": ghost_plan(),
        "bad-target-state": word_plan(),
        "orphan-job": orphan_plan(),
    }
