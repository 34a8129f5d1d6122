"""Locate reads the registry and every machine, and plans for one of them."""

from collections.abc import Mapping, Sequence

import pytest
from cluster_model import World
from diagnosis_cases import (
    TEMPLATE,
    A,
    B,
    C,
    U,
    facts,
    line,
    not_checked,
    service,
    snapshot,
    unit,
)
from plan_cases import (
    BATCH,
    EXPORT,
    FLEET,
    LOOP,
    REPORTS,
    file_of,
    finding,
    job_key,
    template,
)

from fleettui.access import (
    FleetKey,
    HostUnreachable,
    KeyValue,
    Observer,
    RegistryUnavailable,
)
from fleettui.diagnosis.finding import Finding
from fleettui.model.cluster import Machine, Snapshot, Unit
from fleettui.model.host import HostFacts, HostReport, ImageFacts, NotChecked
from fleettui.repair.planning.action import DeleteKey, Stage
from fleettui.repair.planning.locate import Located, finding_on, locate, stake_now
from fleettui.repair.planning.stake import told


class Cluster(World):
    """A cluster that says what it is told to say, and remembers what it was asked."""

    def __init__(self, seen: Snapshot | None, *reports: HostReport) -> None:
        super().__init__()
        self.seen = seen
        self.reports = {report.machine_id: report for report in reports}
        self.images_there: Mapping[U, ImageFacts] | None = {}
        self.keys_there: dict[FleetKey, KeyValue] = {}
        self.asked: list[str] = []

    async def read(self) -> Snapshot:
        self.asked.append("registry")
        if self.seen is None:
            raise RegistryUnavailable("no member answers")
        return self.seen

    async def key(self, key: FleetKey) -> KeyValue | None:
        self.asked.append(f"key {key[-1]}")
        return self.keys_there.get(key)

    async def probe(
        self, machine: Machine, units: Sequence[U] = (), since: str | None = None
    ) -> HostFacts:
        self.asked.append(f"machine {machine.public_ip} {' '.join(str(u) for u in units)}")
        report = self.reports.get(machine.id, not_checked(machine))
        if isinstance(report, NotChecked):
            raise HostUnreachable(report.reason.raw)
        return report

    async def images(self, machine: Machine, images: Sequence[U]) -> Mapping[U, ImageFacts]:
        self.asked.append(f"images {' '.join(str(image) for image in images)}")
        if self.images_there is None:
            raise HostUnreachable("lost")
        return self.images_there

    async def located(self, about: Finding, known: Machine | None = None) -> Located:
        """Located by somebody who holds nothing that writes."""
        operator = self.operator()
        observer = Observer(operator.cluster, operator.registry, operator.hosts)
        return await locate(observer, about, known)


def broken(machine: Machine, *more: U) -> HostFacts:
    return facts(machine, FLEET, files=[TEMPLATE, *more], journal=[line(LOOP, 1)])


FAULT = "template-loaded"


async def test_every_affected_machine_is_named_and_the_findings_is_planned() -> None:
    cluster = Cluster(snapshot(template()), broken(A), broken(B), facts(C, FLEET))
    located = await cluster.located(finding(FAULT, machine=B))
    assert located.affected == (A, B)
    assert located.plan is not None
    assert located.plan.machine == B
    assert [report.machine_id for report in located.reports] == [A.id, B.id, C.id]
    assert f"machine 10.0.0.3 {TEMPLATE}" in cluster.asked


async def test_the_next_machine_is_planned_by_a_finding_that_names_it() -> None:
    cluster = Cluster(snapshot(template()), broken(A), broken(B), facts(C, FLEET))
    first = finding(FAULT, machine=A)
    located = await cluster.located(finding_on(first, B))
    assert located.plan is not None
    assert located.plan.machine == B


async def test_a_finding_without_a_machine_is_planned_for_the_first_that_shows_it() -> None:
    cluster = Cluster(snapshot(template("inactive")), facts(A, FLEET), broken(B), broken(C))
    located = await cluster.located(finding(FAULT, machine=None))
    assert located.affected == (B, C)
    assert located.machine == B
    assert located.plan is not None


async def test_a_machine_that_the_registry_targets_is_affected_before_it_shows_anything() -> None:
    cluster = Cluster(snapshot(template(target=C.id)), facts(A, FLEET), facts(C, FLEET))
    located = await cluster.located(finding(FAULT, machine=None))
    assert located.affected == (C,)
    assert located.plan is not None
    assert located.plan.machine == C


async def test_a_machine_that_left_the_registry_is_asked_all_the_same() -> None:
    cluster = Cluster(snapshot(template(target=None), machines=(B,)), broken(A), facts(B, FLEET))
    located = await cluster.located(finding(FAULT, machine=A), known=A)
    assert located.affected == (A,)
    assert located.plan is not None
    assert located.plan.machine == A


async def test_where_nobody_shows_the_template_the_registry_can_still_be_mended_by_hand() -> None:
    for reports, unread in (([facts(A, FLEET), facts(B, FLEET)], False), ([facts(A, FLEET)], True)):
        seen = snapshot(template(target=None), machines=(A, B))
        located = await Cluster(seen, *reports).located(finding(FAULT, machine=None))
        assert located.plan is None
        assert "fleetctl unload" in located.problem
        assert located.is_unread is unread


async def test_a_registry_that_cannot_be_read_plans_nothing() -> None:
    located = await Cluster(None).located(finding(FAULT), known=A)
    assert located == Located(machine=A, problem="no member answers", is_unread=True)


async def test_a_machine_that_cannot_be_asked_plans_nothing() -> None:
    located = await Cluster(snapshot(template())).located(finding(FAULT))
    assert located.plan is None
    assert located.is_unread
    assert "no route to host" in located.problem


async def test_a_clean_machine_is_said_to_be_clean() -> None:
    cluster = Cluster(snapshot(template("inactive")), facts(A, FLEET))
    located = await cluster.located(finding(FAULT))
    assert located.is_clean
    assert not located.is_unread


async def test_a_fault_without_a_cure_is_neither_clean_nor_unread() -> None:
    located = await Cluster(snapshot(), facts(A, FLEET)).located(finding("hash-differs", BATCH))
    assert (located.plan, located.is_clean, located.is_unread) == (None, False, False)
    assert "By hand" in located.problem


# --- what is asked besides ----------------------------------------------------------------------

PULLING = unit(file=file_of("[Service]\nExecStartPre=docker pull redis:3\n"))


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ({U("redis:3"): ImageFacts(present=True)}, "is on the machine already"),
        (None, "may be missing: lost"),
    ],
)
async def test_only_the_images_at_stake_are_asked_about(
    there: Mapping[U, ImageFacts] | None, words: str
) -> None:
    cluster = Cluster(
        snapshot(template(), PULLING), broken(A, PULLING.name), facts(B, FLEET), facts(C, FLEET)
    )
    cluster.images_there = there
    located = await cluster.located(finding(FAULT))
    assert [words_ for words_ in cluster.asked if words_.startswith("images")] == ["images redis:3"]
    assert located.plan is not None
    (stake,) = located.plan.at_stake
    assert words in told(stake)


async def test_what_came_to_the_machine_since_is_at_stake_too() -> None:
    cluster = Cluster(snapshot(template()), broken(A), facts(B, FLEET), facts(C, FLEET))
    located = await cluster.located(finding(FAULT))
    assert located.plan is not None
    assert located.plan.at_stake == ()
    cluster.seen = snapshot(template("inactive"), PULLING)
    cluster.reports[A.id] = facts(A, FLEET, service(PULLING.name), files=[PULLING.name])
    cluster.images_there = {U("redis:3"): ImageFacts(present=False)}
    stake = await stake_now(cluster.operator(), located.plan, located.reports)
    plan = located.plan.with_stake(stake)
    assert [unit.name for unit in plan.at_stake] == [PULLING.name]
    assert plan.way is located.plan.way
    assert told(stake[0]) in plan.step(Stage.RESTART).changes
    assert plan.step(Stage.DELETE) == located.plan.step(Stage.DELETE)


async def test_no_images_are_asked_about_where_nothing_will_be_restarted() -> None:
    known = service(PULLING.name, "not-found inactive dead")
    report = facts(A, FLEET, known, files=[PULLING.name])
    cluster = Cluster(snapshot(PULLING), report)
    located = await cluster.located(finding("needs-daemon-reload", PULLING.name))
    assert located.plan is not None
    assert not any(asked.startswith("images") for asked in cluster.asked)


async def test_keys_to_be_deleted_are_read_before_all_else() -> None:
    orphan = Unit(EXPORT, None, U("launched"))
    cluster = Cluster(snapshot(orphan), facts(A, FLEET), facts(B, FLEET), facts(C, FLEET))
    cluster.keys_there = {job_key(EXPORT, "target-state"): KeyValue(U("launched"), 9)}
    located = await cluster.located(finding("orphan-job", EXPORT, None))
    assert cluster.asked[:4] == ["key target-state", "key target", "key object", "registry"]
    assert located.plan is not None
    assert located.plan.machine is None
    first = located.plan.step(Stage.REGISTRY).actions[0]
    assert first == DeleteKey(job_key(EXPORT, "target-state"), 9, U("launched"))


async def test_a_ghosts_key_is_read_and_its_machine_asked_about_the_unit() -> None:
    ghost = unit(REPORTS, unit_hash=None, target_state=None, target=None)
    cluster = Cluster(snapshot(ghost), facts(A, FLEET))
    cluster.keys_there = {(U("states"), REPORTS, A.id): KeyValue(U("{}"), 3)}
    located = await cluster.located(finding("ghost-state", REPORTS))
    assert located.plan is not None
    assert f"machine {A.public_ip} {REPORTS}" in cluster.asked


async def test_a_key_that_etcd_could_read_otherwise_is_not_asked_for() -> None:
    cluster = Cluster(snapshot(), facts(A, FLEET))
    located = await cluster.located(finding("orphan-job", U("../x.service"), None))
    assert not any(asked.startswith("key") for asked in cluster.asked)
    assert "does not act on" in located.problem
