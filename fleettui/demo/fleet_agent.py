"""fleet's agent: makes one machine run what the registry says, and tells how its units are."""

import contextlib
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from fleettui.demo.fleet_jobs import Job, Registry, meets_metadata, read_jobs, read_machines
from fleettui.demo.fleet_words import Log

State = tuple[str, str, str]
"""Load, active and sub state, in systemd's words."""


class SystemdRefused(Exception):
    """systemd would not do it; the text is systemd's own."""


class SystemdSilent(Exception):
    """systemd never answers, and whoever asked it waits for good."""


class Systemd(Protocol):
    """What fleetd asks of its machine. Starting and stopping only begin here. All of it may raise
    SystemdRefused, `states` above all for a template without its instance; `states` may also raise
    SystemdSilent."""

    def write_unit(self, name: str, text: str) -> None:
        """Write `/run/fleet/units/NAME` and link it from `/run/systemd/system`."""

    def remove_unit(self, name: str) -> None:
        """Remove the link and the file; absent ones are no error."""

    def reload(self) -> None:
        """daemon-reload."""

    def start(self, name: str) -> None:
        """Queue a start job; no effect on what runs."""

    def stop(self, name: str) -> None:
        """Queue a stop job."""

    def managed(self) -> Mapping[str, str]:
        """Name and text of each unit file in `/run/fleet/units`."""

    def states(self, names: Collection[str]) -> Mapping[str, State]:
        """The state of each unit asked for."""


UNLOAD, LOAD, RELOAD, STOP, START = (
    "UnloadUnit",
    "LoadUnit",
    "ReloadUnitFiles",
    "StopUnit",
    "StartUnit",
)
_ORDER = (UNLOAD, LOAD, RELOAD, STOP, START)
Task = tuple[str, str, str]
"""What to do, to which unit, and fleet's reason."""


@dataclass(eq=False)
class Agent:
    """One life of an agent: what it holds in memory goes with the process.

    The fault lives in two of its loops. The generator asks systemd for every unit it was
    subscribed to, the reconciler for every file in the folder; a template among them fails the
    whole answer, so the one tells no more states and the other changes nothing.
    """

    machine_id: str
    metadata: Mapping[str, str]
    registry: Registry
    systemd: Systemd
    words: Log
    ttl: int

    def __post_init__(self) -> None:
        self._reached: dict[str, str] = {}
        self._subscribed: set[str] = set()
        self._last_subscribed: set[str] = set()
        self._states: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self._blind = False
        self._systemd_job = 39
        managed = self.systemd.managed() if self.words.release >= (0, 9) else {}
        self._hashes = {name: _sha1(text) for name, text in managed.items()}

    # --- the generator and the publisher -----------------------------------------------------

    def generate(self) -> None:
        """Ask systemd for the states of all units held in memory, and publish what changed."""
        gone = self._last_subscribed - self._subscribed
        self._last_subscribed = set(self._subscribed)
        try:
            states = self.systemd.states(self._subscribed) if self._subscribed else {}
        except SystemdSilent:
            return
        except SystemdRefused as error:
            self._blind = True
            self.words.error("generator", f"Failed fetching current unit states: {error}")
            return
        self._blind = False
        for name, state in states.items():
            self._note(name, state)
        for name in gone:
            self._forget(name)

    def publish(self) -> None:
        """Write every known state and heartbeat again, so that its TTL starts anew.

        A state is whatever was generated last, however long ago that was.
        """
        for name, state in self._states.items():
            self._write_state(name, state)
        for name, reached in self._reached.items():
            if reached == "launched":
                self._beat(name)

    def withdraw(self) -> None:
        """Remove every state this agent has published."""
        for name in list(self._states):
            self._forget(name)

    def _note(self, name: str, state: State) -> None:
        value = self._encode(name, state)
        if self._hashes.get(name) and self._states.get(name) != value:
            self._states[name] = value
            self._write_state(name, value)

    def _forget(self, name: str) -> None:
        # fleet removes the states of every machine here; the others write theirs again later.
        self._states.pop(name, None)
        self._delete(f"state/{name}")
        self._delete(f"states/{name}")

    def _write_state(self, name: str, value: str) -> None:
        self._write(f"state/{name}", value)
        self._write(f"states/{name}/{self.machine_id}", value)

    def _encode(self, name: str, state: State) -> str:
        machine: dict[str, object] = {"ID": self.machine_id, "PublicIP": "", "Metadata": None}
        if self.words.release >= (0, 13):
            machine["Capabilities"] = None
        machine["Version"] = ""
        load, active, sub = state
        fields: dict[str, object] = {"loadState": load, "activeState": active, "subState": sub}
        fields |= {"machineState": machine, "unitHash": self._hashes.get(name, "")}
        return json.dumps(fields, separators=(",", ":"))

    def _beat(self, name: str) -> None:
        self._write(f"job/{name}/job-state", self.machine_id)

    def _write(self, key: str, value: str) -> None:
        with contextlib.suppress(OSError):  # fleet looks at none of these results either
            self.registry.write(key, value, ttl=self.ttl)

    def _delete(self, key: str) -> None:
        with contextlib.suppress(OSError):
            self.registry.delete(key)

    # --- the reconciler ----------------------------------------------------------------------

    def reconcile(self) -> None:
        """Bring the machine towards what the registry wants of it; on failure, change nothing."""
        try:
            wanted = self._wanted()
        except OSError as error:
            self.words.error("no-units", f"Failed fetching Units from Registry: {error}")
            self.words.error("no-desired", f"Unable to determine agent's desired state: {error}")
            return
        if self._blind and self.words.release < (0, 9):
            return
        current = self._current("no-current")
        if current is not None:
            self._perform(list(self._tasks(wanted, current)))

    def purge(self) -> None:
        """Stop and unload every unit in the folder; if their states cannot be had, none."""
        current = self._current("no-purge")
        tasks = [(UNLOAD, name, "purging agent") for name in sorted(current or {})]
        self._perform(tasks, reload=False)

    def _wanted(self) -> dict[str, Job]:
        jobs = read_jobs(self.registry, self.words)
        metadata = self.metadata
        if self.words.release >= (0, 13):
            metadata = read_machines(self.registry).get(self.machine_id, {})
        return {
            job.name: job
            for job in jobs.values()
            if (meets_metadata(job, metadata) if job.is_global else job.target == self.machine_id)
        }

    def _current(self, place: str) -> dict[str, str] | None:
        """How far each file in the folder has come; None, with its reason told, if unknown."""
        managed = self.systemd.managed()
        try:
            if managed and self.words.release >= (0, 9):
                self.systemd.states(managed)
        except SystemdSilent:
            return None
        except SystemdRefused as error:
            why = f"failed fetching unit states from UnitManager: {error}"
            self.words.error(place, f"Unable to determine agent's current state: {why}")
            return None
        return {name: self._reached.get(name, "inactive") for name in managed}

    def _tasks(self, wanted: dict[str, Job], current: dict[str, str]) -> Iterator[Task]:
        self._texts = {name: job.text for name, job in wanted.items()}
        for name in sorted(wanted.keys() | current.keys()):
            job = wanted.get(name)
            if job is None or job.wanted == "inactive":
                if name in current:
                    yield UNLOAD, name, "unit loaded but not scheduled here"
                continue
            reached = current.get(name, "inactive")
            if name in current and self._is_other_file(job):
                yield UNLOAD, name, "unit loaded but hash differs to expected"
                reached = "inactive"
            if reached == "inactive":
                yield LOAD, name, "unit scheduled here but not loaded"
            if job.wanted == "launched" and reached != "launched":
                yield START, name, "unit currently loaded but desired state is launched"
            if job.wanted == "loaded" and reached == "launched":
                yield STOP, name, "unit currently launched but desired state is loaded"

    def _is_other_file(self, job: Job) -> bool:
        return self.words.release >= (0, 9) and self._hashes.get(job.name) != _sha1(job.text)

    def _perform(self, tasks: list[Task], *, reload: bool = True) -> None:
        reload = reload and self.words.reloads
        if reload and any(kind in {UNLOAD, LOAD} for kind, _, _ in tasks):
            tasks.append((RELOAD, "N/A", "always reload unit files"))
        done = []
        for task in sorted(tasks, key=lambda t: _ORDER.index(t[0])):
            self._do(task[0], task[1])
            done.append(task)
        for kind, name, reason in done:
            said = f'type={kind} job={name} reason="{reason}"'
            self.words("agent-task", f"AgentReconciler completed task: {said}")

    def _do(self, kind: str, name: str) -> None:
        match kind:
            case "LoadUnit":
                self._load(name)
            case "UnloadUnit":
                self._unload(name)
            case "StartUnit":
                self._reached[name] = "launched"
                self._beat(name)
                self._trigger("start", name)
            case "StopUnit":
                self._reached[name] = "loaded"
                self._delete(f"job/{name}/job-state")
                self._trigger("stop", name)
            case _:
                self.words("reload", "Instructing systemd to reload units")
                self.systemd.reload()

    def _load(self, name: str) -> None:
        text = self._texts[name]
        self._reached[name] = "loaded"
        self._subscribed.add(name)
        self.words("writing", f"Writing systemd unit {name} ({len(text.encode())}b)")
        self.systemd.write_unit(name, text)
        self._hashes[name] = _sha1(text)

    def _unload(self, name: str) -> None:
        self._delete(f"job/{name}/job-state")
        self._reached.pop(name, None)
        stopped = self._trigger("stop", name)
        self._subscribed.discard(name)
        if stopped or self.words.release < (1, 0):
            self.words("removing", f"Removing systemd unit {name}")
            self._hashes.pop(name, None)
            self.systemd.remove_unit(name)

    def _trigger(self, verb: str, name: str) -> bool:
        place = "started" if verb == "start" else "stopped"
        try:
            (self.systemd.start if verb == "start" else self.systemd.stop)(name)
        except SystemdRefused as error:
            self.words.error(
                f"not-{place}", f"Failed to trigger systemd unit {name} {verb}: {error}"
            )
            return False
        self._systemd_job += 50
        self.words(place, f"Triggered systemd unit {name} {verb}: job={self._systemd_job}")
        return True


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
