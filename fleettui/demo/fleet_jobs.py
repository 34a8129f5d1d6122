"""fleet's registry as fleetd reads it: jobs, machines, and the rules of the scheduler."""

import fnmatch
import functools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypedDict, Unpack

from fleettui.demo.fleet_words import Log


class SetOptions(TypedDict, total=False):
    """How a key is set, as in etcd's own client: for how long, and what must be there before."""

    ttl: int | None
    """Seconds."""
    prev_value: str | None
    prev_exist: bool | None


def is_as_expected(before: str | None, options: SetOptions) -> bool:
    """Whether a key's value, None for an absent one, is what a write wants to find."""
    value, exist = options.get("prev_value"), options.get("prev_exist")
    if exist is not None and exist != (before is not None):
        return False
    return value is None or before == value


class Registry(Protocol):
    """etcd v2 keys relative to fleet's prefix, e.g. `job/foo.service/target`. May raise OSError."""

    def read(self, key: str) -> dict[str, str]:
        """Every value at and under `key`, by relative full key; empty when absent."""

    def write(self, key: str, value: str, **options: Unpack[SetOptions]) -> bool:
        """Set a key; False = the comparison failed and nothing was written."""

    def delete(self, key: str, *, prev_value: str | None = None) -> bool:
        """Remove a key, or a directory with all in it; False = absent or another value."""


@dataclass(frozen=True, slots=True)
class Job:
    """A unit as submitted, and the machine the engine chose."""

    name: str
    sha1: str
    text: str
    wanted: str
    target: str = ""

    @property
    def is_global(self) -> bool:
        """The last Global= counts, and only Go's words for true do (fleet job/job.go)."""
        values = self.options("Global")
        return bool(values) and values[-1].lower() in {"true", "yes", "1", "on", "t"}

    def options(self, *names: str) -> list[str]:
        """Values of `[X-Fleet]` options, specifiers replaced (fleet job/job.go)."""
        return [v for n in names for k, v in _requirements(self.name, self.text) if k == n]

    @property
    def conflicts(self) -> list[str]:
        """Globs, each against a unit's name; a line may hold several."""
        return [glob for line in self.options("X-Conflicts", "Conflicts") for glob in line.split()]

    def clashes_with(self, other: "Job") -> bool:
        """Whether one's Conflicts name the other; symmetric."""
        pairs = ((self, other), (other, self))
        return self.name != other.name and any(
            fnmatch.fnmatchcase(b.name, glob) for a, b in pairs for glob in a.conflicts
        )


@functools.lru_cache(maxsize=4096)
def _requirements(name: str, text: str) -> tuple[tuple[str, str], ...]:
    stem = name.rpartition(".")[0]
    prefix, _, instance = stem.partition("@")
    found, section = [], ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.startswith("["):
            section = line.strip()
        key, equals, value = line.partition("=")
        if section == "[X-Fleet]" and equals and line[0] not in "#;":
            for code, meaning in (("n", name), ("N", stem), ("p", prefix), ("i", instance)):
                value = value.replace(f"%{code}", meaning)
            found.append((key.strip(), value.strip()))
    return tuple(found)


@functools.lru_cache(maxsize=4096)
def _hash_of(job_object: str) -> str:
    return bytes(json.loads(job_object)["UnitHash"]).hex()


@functools.lru_cache(maxsize=4096)
def _text_of(unit: str) -> str:
    return str(json.loads(unit)["Raw"])


def read_jobs(registry: Registry, words: Log) -> dict[str, Job]:
    """Every job that fleet itself could read, by name; it says what it could not."""
    keys, units = registry.read("job"), registry.read("unit")
    jobs = {}
    for name in sorted({key.split("/")[1] for key in keys if key.endswith("/object")}):
        wanted = keys.get(f"job/{name}/target-state") or "inactive"
        try:
            sha1 = _hash_of(keys[f"job/{name}/object"])
            if f"unit/{sha1}" not in units:
                _tell_missing(name, sha1, words)
                continue
            text = _text_of(units[f"unit/{sha1}"])
        except (ValueError, TypeError, KeyError) as error:
            words.error("bad-unit", f"Failed to parse Unit from etcd: {error}")
            continue
        if wanted not in {"inactive", "loaded", "launched"}:
            why = f'target-state: invalid value "{wanted}" for JobState'
            words.error(
                "bad-unit", f"Failed to parse Unit from etcd: failed to parse Unit({name}) {why}"
            )
            continue
        jobs[name] = Job(name, sha1, text, wanted, keys.get(f"job/{name}/target", ""))
    return jobs


def _tell_missing(name: str, sha1: str, words: Log) -> None:
    """What fleet says of a job whose unit file is not in the registry."""
    words.error("no-hash", f"did not find Unit {sha1} in list of all units")
    words("no-unit", f"No Unit found in Registry for Job({name})", "WARN")
    why = f"unable to parse Unit in Registry at key {words.prefix}/job/{name}/object"
    words.error("bad-unit", f"Failed to parse Unit from etcd: {why}")


def meets_metadata(job: Job, metadata: Mapping[str, str]) -> bool:
    """Conditions of one key are alternatives, of several keys all needed; odd entries are void."""
    needed: dict[str, set[str]] = {}
    for entry in job.options("X-ConditionMachineMetadata", "MachineMetadata"):
        key, _, value = entry.partition("=")
        if entry.count("=") == 1 and key and value:
            needed.setdefault(key, set()).add(value)
    return all(metadata.get(key) in values for key, values in needed.items())


def read_machines(registry: Registry) -> dict[str, dict[str, str]]:
    """Metadata by machine ID; dynamic keys win, an empty one deletes (fleet 0.13 on)."""
    machines: dict[str, dict[str, str]] = {}
    keys = registry.read("machines")
    for key in sorted(keys):
        _, machine, *rest = key.split("/")
        if rest == ["object"]:
            machines[machine] = dict(json.loads(keys[key]).get("Metadata") or {})
    for key, value in keys.items():
        _, machine, *rest = key.split("/")
        if machine in machines and rest[:1] == ["metadata"]:
            machines[machine] = {**machines[machine], rest[-1]: value}
    return {m: {k: v for k, v in data.items() if v} for m, data in machines.items()}


def unfit(job: Job, machine: str, metadata: Mapping[str, str], there: Iterable[Job]) -> str | None:
    """Why a machine cannot run a job, in fleet's words, or None (fleet agent/state.go)."""
    there = list(there)
    ids = job.options("MachineID") or job.options("X-ConditionMachineID")
    if ids and ids[0] != machine:
        return f'agent ID "{machine}" does not match required "{ids[0]}"'
    if not meets_metadata(job, metadata):
        return "local Machine metadata insufficient"
    for peer in job.options("X-ConditionMachineOf", "MachineOf"):
        if all(other.name != peer for other in there):
            return f"required peer Unit({peer}) is not scheduled locally"
    rival = next((other for other in there if job.clashes_with(other)), None)
    return None if rival is None else f"found conflict with locally-scheduled Unit({rival.name})"
