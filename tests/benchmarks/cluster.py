"""A synthetic registry in the shape that was recorded, in an etcd of its own."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from writers import Pipeline

from fleettui.demo.etcd import Etcd

from .elsewhere import elsewhere

FILES = 5
"""Units that share a unit file: as with templates."""
SUBSTATE = "running"


@dataclass(frozen=True, slots=True)
class Size:
    """How large a cluster is."""

    machines: int
    units: int

    def __str__(self) -> str:
        return f"{self.machines:,} machines, {self.units:,} units"


SMALL, MIDDLE, LARGE = Size(10, 100), Size(100, 1_000), Size(1_000, 10_000)


def machine_id(number: int) -> str:
    return hashlib.md5(b"machine%d" % number, usedforsecurity=False).hexdigest()


def unit_name(number: int) -> str:
    return f"app{number:05}.service"


def address(number: int) -> str:
    """On loopback, where nothing listens."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def unit_hash(number: int) -> str:
    return hashlib.sha1(b"unit%d" % (number // FILES), usedforsecurity=False).hexdigest()


def state(number: int, size: Size, substate: str = SUBSTATE) -> str:
    """What the agent writes of a unit that runs."""
    return _json(
        {
            "loadState": "loaded",
            "activeState": "active",
            "subState": substate,
            "machineState": {
                "ID": machine_id(number % size.machines),
                "PublicIP": "",
                "Metadata": None,
                "Version": "",
            },
            "unitHash": unit_hash(number),
        }
    )


def machine_keys(number: int) -> dict[str, str]:
    """What a machine's agent keeps alive of it."""
    fields = {
        "ID": machine_id(number),
        "PublicIP": address(number),
        "Metadata": {"az": f"az{number % 3}", "region": "bench"},
        "Version": "0.11.8",
    }
    return {f"machines/{machine_id(number)}/object": _json(fields)}


def kept_alive(number: int, size: Size, substate: str = SUBSTATE) -> dict[str, str]:
    """What a unit's agent writes again and again: three keys."""
    heartbeat = {f"job/{unit_name(number)}/job-state": machine_id(number % size.machines)}
    return state_keys(number, size, substate) | heartbeat


def state_keys(number: int, size: Size, substate: str = SUBSTATE) -> dict[str, str]:
    """What it writes when the unit changes: two keys, of which fleet keeps one for the old."""
    name, where = unit_name(number), machine_id(number % size.machines)
    said = state(number, size, substate)
    return {f"state/{name}": said, f"states/{name}/{where}": said}


def job_keys(number: int, size: Size) -> dict[str, str]:
    name = unit_name(number)
    described = {"Name": name, "UnitHash": list(bytes.fromhex(unit_hash(number)))}
    return {
        f"job/{name}/object": _json(described),
        f"job/{name}/target": machine_id(number % size.machines),
        f"job/{name}/target-state": "launched",
    }


def file_keys(number: int) -> dict[str, str]:
    """The unit file of a unit; those of some others are the same."""
    text = (
        f"[Unit]\nDescription=app {number // FILES}\n\n[Service]\nExecStart=/bin/sleep infinity\n"
    )
    return {f"unit/{unit_hash(number)}": _json({"Raw": text})}


def lease(version: int = 1) -> dict[str, str]:
    return {"lease/engine-leader": _json({"MachineID": machine_id(0), "Version": version})}


@contextmanager
def registry(size: Size) -> Iterator[Etcd]:
    """A real etcd that holds such a cluster."""
    _prefer_the_system_s_etcd()
    with elsewhere():
        etcd = Etcd()
    try:
        etcd.start()
        writer = Pipeline(etcd.endpoint)
        for number in range(size.machines):
            writer.put(machine_keys(number))
        for number in range(size.units):
            writer.put({**job_keys(number, size), **kept_alive(number, size), **file_keys(number)})
        writer.put(lease())
        writer.close()
        yield etcd
    finally:
        etcd.close()


def _prefer_the_system_s_etcd() -> None:
    """The release that fleet's users have is nearer to Debian's than to the demo's."""
    found = shutil.which("etcd")
    if found is not None:
        os.environ.setdefault("FLEETTUI_ETCD", found)


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
