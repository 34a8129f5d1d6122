"""The registry as fleetctl writes it, and as the tests read it."""

import hashlib
import http.client
import json
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote, urlsplit

from fleettui.demo.http_registry import HttpRegistry


@dataclass(frozen=True, slots=True)
class PublishedState:
    """`states/UNIT/MACHINE`."""

    active: str
    sub: str
    unit_hash: str


class Fleetctl:
    """Writes what fleetctl's commands write with its etcd driver (fleet registry/unit.go, job.go).

    That driver has no guard against a template without its instance, in any release.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self.registry = HttpRegistry(endpoint)

    def submit(self, name: str, text: str) -> None:
        self.registry.write(f"job/{name}/object", self._job(name, text), prev_exist=False)
        self._want(name, "inactive")

    def resubmit(self, name: str, text: str) -> None:
        """Another file for a unit that is there, without a destroy in between."""
        self.registry.write(f"job/{name}/object", self._job(name, text), prev_exist=True)

    def load(self, name: str) -> None:
        self._want(name, "loaded")

    def start(self, name: str) -> None:
        self._want(name, "launched")

    def unload(self, name: str) -> None:
        self._want(name, "inactive")

    def destroy(self, name: str) -> None:
        self.registry.delete(f"job/{name}")

    def target(self, name: str) -> str | None:
        """ID of the machine that the engine chose."""
        return self.value(f"job/{name}/target")

    def machines(self) -> set[str]:
        """IDs of the machines that are alive for fleet."""
        keys = self.registry.read("machines")
        return {key.split("/")[1] for key in keys if key.endswith("/object")}

    def leader(self) -> str | None:
        """ID of the machine that holds the engine's lease."""
        lease = self.value("lease/engine-leader")
        return None if lease is None else str(json.loads(lease)["MachineID"])

    def states(self, name: str) -> dict[str, PublishedState]:
        """What each machine published about a unit, by machine ID."""
        keys = self.registry.read(f"states/{name}")
        return {key.rpartition("/")[2]: _state(value) for key, value in keys.items()}

    def close(self) -> None:
        self.registry.close()

    def index_of_state(self, name: str, machine_id: str) -> int:
        """etcd's modifiedIndex of a published state: it grows with each write."""
        place = urlsplit(self._endpoint)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=5)
        key = f"/_coreos.com/fleet/states/{quote(name)}/{machine_id}"
        try:
            connection.request("GET", f"/v2/keys{key}")
            return int(json.load(connection.getresponse())["node"]["modifiedIndex"])
        finally:
            connection.close()

    def value(self, key: str) -> str | None:
        return self.registry.read(key).get(key)

    def _job(self, name: str, text: str) -> str:
        """A job's object; the text that it names is in the registry then."""
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).digest()
        self.registry.write(f"unit/{digest.hex()}", _json({"Raw": text}))
        return _json({"Name": name, "UnitHash": list(digest)})

    def _want(self, name: str, state: str) -> None:
        self.registry.write(f"job/{name}/target-state", state)


def _state(text: str) -> PublishedState:
    fields = cast("dict[str, str]", json.loads(text))
    return PublishedState(fields["activeState"], fields["subState"], fields["unitHash"])


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
