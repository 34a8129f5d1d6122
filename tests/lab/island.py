"""Namespaces that the machines of one run live in, so that ending one process ends everything."""

import ipaddress
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .cgroups import ControlGroup
from .shell import LabBroken, attempt, children, program, run, wait_until

BRIDGE = "br0"
"""The bridge of the machines, in the island's own network namespace."""
_NETWORKS = tuple(ipaddress.IPv4Network(f"172.31.{third}.0/24") for third in range(77, 93))
_NSPAWN = Path("/run/systemd/nspawn")
"""Where systemd-nspawn keeps its locks: of no use to it after a machine is gone, so they go too."""


class Island:
    """A network, mount and process namespace, joined to this machine by one cable.

    Its first process reads a pipe that only we hold: when we end, however we end, the pipe closes,
    the kernel ends every process in there, and mounts, bridge and cable go with the namespaces.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """Where machines are mounted: a tmpfs that only the island sees."""
        unshare = ("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "cat")
        self._outer = subprocess.Popen(unshare, stdin=subprocess.PIPE)
        self._inner = wait_until(self._first_process, "the island's first process")
        self.cable, self.network = self._connect()
        """Name of our end of the cable, and the network behind it."""
        for place in (folder, _NSPAWN):
            place.mkdir(parents=True, exist_ok=True)
            self.inside("mount", "-t", "tmpfs", "-o", "mode=755", "fleettui-lab", str(place))

    @property
    def gateway(self) -> str:
        """Our own address on the island's network."""
        return str(self.network[1])

    def address(self, number: int) -> str:
        """Of machine `number`, from 1."""
        return str(self.network[10 + number])

    def path(self, path: Path) -> Path:
        """What the island has at `path`, as a path of ours."""
        return Path(f"/proc/{self._inner}/root{path}")

    def command(self, *argv: str) -> tuple[str, ...]:
        """`argv` as it runs in the island."""
        return ("nsenter", "--target", str(self._inner), "--net", "--mount", "--pid", "--", *argv)

    def inside(self, *argv: str) -> bytes:
        """Standard output of a program that must succeed in the island. Raises LabBroken."""
        return run(*self.command(*argv))

    def close(self) -> None:
        """End every process in there and wait until nothing of it is left."""
        self._outer.communicate(timeout=30)
        ControlGroup(self.cable).remove()
        wait_until(lambda: not Path(f"/sys/class/net/{self.cable}").exists(), "the cable to go")

    def _first_process(self) -> int | None:
        if self._outer.poll() is not None:
            raise LabBroken(f"unshare: exit status {self._outer.returncode}")
        found = [p for p in children(self._outer.pid) if program(p) == "cat"]
        return found[0] if found else None

    def _connect(self) -> tuple[str, ipaddress.IPv4Network]:
        for network in _free_networks():
            cable = f"fleetlab{network[0].packed[2]}"
            add = ("ip", "link", "add", cable, "type", "veth", "peer", "name", "uplink")
            if attempt(*add, "netns", str(self._inner)).returncode == 0:
                ControlGroup(cable).remove()  # of a run that was killed
                self._raise_bridge()
                run("ip", "address", "add", f"{network[1]}/24", "dev", cable)
                run("ip", "link", "set", cable, "up")
                return cable, network
        raise LabBroken("no network of 172.31.77.0/24 to 172.31.92.0/24 is free for the lab")

    def _raise_bridge(self) -> None:
        self.inside("ip", "link", "add", BRIDGE, "type", "bridge")
        self.inside("ip", "link", "set", "uplink", "master", BRIDGE)
        for link in ("lo", "uplink", BRIDGE):
            self.inside("ip", "link", "set", link, "up")


def _free_networks() -> Iterator[ipaddress.IPv4Network]:
    """Networks that no route of this machine leads to, but for the default route."""
    routes = json.loads(run("ip", "-json", "-4", "route", "show"))
    taken = [ipaddress.IPv4Network(r["dst"]) for r in routes if r["dst"] != "default"]
    return (n for n in _NETWORKS if not any(n.overlaps(other) for other in taken))
