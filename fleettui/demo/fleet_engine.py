"""fleet's engine: one leader in the cluster, who decides which machine gets which unit."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from fleettui.demo.fleet_jobs import Job, Registry, meets_metadata, read_jobs, read_machines, unfit
from fleettui.demo.fleet_words import Log

LEASE = "lease/engine-leader"
INTERVAL = 2.0
"""Seconds between two rounds of an engine."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Put a unit on a machine, or take it off."""

    kind: str
    unit: str
    machine: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{{Type: {self.kind}, JobName: {self.unit}, MachineID: {self.machine}, "
            f'Reason: "{self.reason}"}}'
        )


class Engine:
    """One machine's engine: it follows the lease, and works only while it holds it."""

    def __init__(self, machine_id: str, registry: Registry, log: Log, lease_ttl: int) -> None:
        self._id = machine_id
        self._registry = registry
        self._log = log
        self._ttl = lease_ttl
        self._mine = json.dumps({"MachineID": machine_id, "Version": 1}, separators=(",", ":"))
        self._leader: str | None = None

    @property
    def leads(self) -> bool:
        """Whether the lease was this engine's when it looked last."""
        return self._leader == self._id

    def reconcile(self) -> None:
        """One round: renew or seek the lease; as the leader, decide and write."""
        try:
            self._agree_on_version()
        except OSError:
            self._log.error("no-engine-ver", "Unable to determine cluster engine version")
            return
        self._follow_lease()
        if self.leads:
            self._decide()

    def release(self) -> None:
        """Give the lease back, so that the next engine need not wait for its end."""
        if self.leads:
            self._registry.delete(LEASE, prev_value=self._mine)
            self._leader = None

    def _agree_on_version(self) -> None:
        if not self._registry.read("engine/version"):
            self._registry.write("engine/version", "1")
            self._log("engine-version", "Updated cluster engine version from 0 to 1")

    def _follow_lease(self) -> None:
        before = self._leader
        if self.leads:
            self._renew()
            return
        try:
            found = self._registry.read(LEASE).get(LEASE)
        except OSError as error:
            what = "lease" if self._log.release >= (1, 0) else "lessee"
            self._log.error("no-lessee", f"Unable to determine current {what}: {error}")
            self._leader = None
            return
        if found is None:
            self._acquire()
            return
        self._leader = _holder(found)
        if before is None and not self.leads:
            self._log("leader", f"Engine leader is {self._leader}")
        elif before is not None and before != self._leader:
            self._log("leader-change", f"Engine leadership changed from {before} to {self._leader}")

    def _renew(self) -> None:
        why = "101: Compare failed"
        try:
            if self._registry.write(LEASE, self._mine, ttl=self._ttl, prev_value=self._mine):
                return
        except OSError as error:
            why = str(error)
        self._log.error("lease-lost", f"Engine leadership lost, renewal failed: {why}")
        self._leader = None

    def _acquire(self) -> None:
        self._leader = None
        try:
            done = self._registry.write(LEASE, self._mine, ttl=self._ttl, prev_exist=False)
        except OSError as error:
            self._log.error("not-acquired", f"Engine leadership acquisition failed: {error}")
            return
        if done:
            self._leader = self._id
            self._log("acquired", "Engine leadership acquired")

    def _decide(self) -> None:
        try:
            jobs, machines = read_jobs(self._registry, self._log), read_machines(self._registry)
        except OSError as error:
            self._log.error("engine-units", f"Failed fetching Units from Registry: {error}")
            return
        for decision in decide(jobs, machines):
            try:
                self._carry_out(decision)
            except OSError:
                return  # the next round decides again

    def _carry_out(self, decision: Decision) -> None:
        key = f"job/{decision.unit}/target"
        if decision.kind == "UnscheduleUnit":
            self._registry.delete(key, prev_value=decision.machine)
            said = f"Unscheduled Job({decision.unit}) from Machine({decision.machine})"
            self._log("unscheduled", said)
        else:
            self._registry.write(key, decision.machine, prev_exist=False)
            self._log(
                "scheduled", f"Scheduled Unit({decision.unit}) to Machine({decision.machine})"
            )
        self._log("engine-task", f"EngineReconciler completed task: {decision}")


def decide(jobs: dict[str, Job], machines: dict[str, dict[str, str]]) -> Iterator[Decision]:
    """What to change so that each unit stands where it may (fleet engine/reconciler.go).

    First units leave machines that are gone or unfit, then the rest go to the machine with the
    fewest units that fits; a template is a unit like any other.
    """
    placed = _placed(jobs, machines)
    waiting = []
    for job in (j for j in jobs.values() if not j.is_global):
        reason = _must_leave(job, machines, placed) if job.target else None
        if reason is not None:
            yield Decision("UnscheduleUnit", job.name, job.target, reason)
            placed.get(job.target, {}).pop(job.name, None)
        if job.wanted != "inactive" and (not job.target or reason is not None):
            waiting.append(job)
    for job in waiting:
        machine = _best(job, machines, placed)
        if machine is not None:
            placed[machine][job.name] = job
            reason = f"target state {job.wanted} and unit not scheduled"
            yield Decision("AttemptScheduleUnit", job.name, machine, reason)


def _placed(jobs: dict[str, Job], machines: dict[str, dict[str, str]]) -> dict[str, dict[str, Job]]:
    placed: dict[str, dict[str, Job]] = {machine: {} for machine in machines}
    for job in jobs.values():
        if not job.is_global and job.target in placed and job.wanted != "inactive":
            placed[job.target][job.name] = job
    for job in (j for j in jobs.values() if j.is_global):
        for machine, metadata in machines.items():
            clash = any(job.clashes_with(other) for other in placed[machine].values())
            if meets_metadata(job, metadata) and not clash:
                placed[machine][job.name] = job
    return placed


def _must_leave(
    job: Job, machines: dict[str, dict[str, str]], placed: dict[str, dict[str, Job]]
) -> str | None:
    if job.wanted == "inactive":
        return "target state inactive"
    if job.target not in machines:
        return f"target Machine({job.target}) went away"
    why = unfit(job, job.target, machines[job.target], placed[job.target].values())
    return why and f"target Machine({job.target}) unable to run unit: {why}"


def _best(
    job: Job, machines: dict[str, dict[str, str]], placed: dict[str, dict[str, Job]]
) -> str | None:
    ranked = sorted(machines, key=lambda machine: (len(placed[machine]), machine))
    fits = (m for m in ranked if unfit(job, m, machines[m], placed[m].values()) is None)
    return next(fits, None)


def _holder(lease: str) -> str:
    """The machine in a lease; an old engine wrote the bare ID."""
    try:
        return str(json.loads(lease)["MachineID"])
    except (ValueError, TypeError, KeyError):
        return lease
