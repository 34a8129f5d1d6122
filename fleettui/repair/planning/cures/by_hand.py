"""The faults that fleettui does not repair: what to do by hand, and why it does not."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class ByHand:
    """A way out that an operator takes alone."""

    do: tuple[str, ...]
    """In this order."""
    why_not: str
    """Why fleettui does not do it."""

    def __str__(self) -> str:
        steps = " ".join(f"{number}. {line}" for number, line in enumerate(self.do, 1))
        return f"fleettui does not repair this: {self.why_not} By hand: {steps}"


BY_HAND: Mapping[str, ByHand] = MappingProxyType(
    {
        "duplicate-machine-id": ByHand(
            (
                "Choose the host that is to get a new ID; the other keeps its units.",
                "There: `sudo systemctl stop fleet`, which stops its units.",
                "`sudo rm /etc/machine-id`, `sudo systemd-machine-id-setup`, `sudo reboot`.",
                "`fleetctl list-machines` must show both hosts.",
            ),
            "it reboots no host, and which of the two is to keep the ID is written nowhere.",
        ),
        "no-engine-leader": ByHand(
            (
                "`etcdctl cluster-health`: heal etcd first (quorum, disk and network latency).",
                (
                    "`fleetctl list-machines -l`, and fleet's journals: where engines of different "
                    "versions steal the lease from each other, bring all machines to one version."
                ),
                "The lease comes back by itself within 10 s.",
            ),
            "the cause is etcd, or the versions of fleet, and it touches neither.",
        ),
        "unschedulable": ByHand(
            (
                "Read which condition excludes which machine (enter on the unit).",
                "Change the machines' metadata, or submit the unit anew with other conditions.",
                (
                    "If a loaded template blocks it: `fleetctl unload` that template, or repair it "
                    "here where it broke a machine."
                ),
            ),
            "which condition is the wrong one only the unit's author knows.",
        ),
        "machine-flapping": ByHand(
            (
                "Look at etcd's latency and at the load of the host: its heartbeat comes too late.",
                "If neither can be helped, raise agent_ttl in that host's fleet.conf.",
                "`sudo systemctl restart fleet` there; it stops and starts that host's units.",
            ),
            "the cause is outside of fleet, and a new agent_ttl restarts every unit of the host.",
        ),
        "etcd-unreachable": ByHand(
            (
                (
                    "On that host: `systemctl status etcd`, and `curl` the endpoint that "
                    "fleet.conf names in etcd_servers."
                ),
                "Start etcd, or correct etcd_servers; fleetd goes on by itself within a minute.",
            ),
            "it touches neither etcd nor fleet's configuration.",
        ),
        "hash-differs": ByHand(
            (
                (
                    "Find the second writer: a deployment, configuration management, another "
                    "cluster's script. Stop it."
                ),
                "`fleetctl destroy` the unit, then submit and start the version that is wanted.",
            ),
            "the registry tells neither who writes nor which version is the right one.",
        ),
        "state-disagrees": ByHand(
            (
                "Read the machine's fleet journal: why does the agent not publish what it sees?",
                (
                    "`sudo systemctl restart fleet` there has it begin anew; up to fleet 0.12 "
                    "`sudo systemctl kill -s KILL --kill-who=main fleet` and `sudo systemctl start "
                    "fleet` do so without stopping its units."
                ),
            ),
            "the cause is not known, and a restart that may not help could stop every unit of the "
            "machine.",
        ),
        "watch-noise": ByHand(
            (
                (
                    "Look at etcd, and at what stands between it and the machine: a proxy, or a "
                    "load balancer with short timeouts."
                ),
            ),
            "nothing of fleet is broken: it loses nothing by these lines.",
        ),
    }
)
