"""The units of the demo cluster, as their owners would have submitted them."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

TEMPLATE = "zookeeper@.service"
"""The template that is loaded by mistake."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A unit and what its owner wants of it."""

    name: str
    text: str
    wanted: str = "launched"

    @property
    def sha1(self) -> str:
        """fleet's hash of the unit file, in hex."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def keys(self) -> Mapping[str, str]:
        """What fleetctl writes for it, relative to fleet's prefix."""
        job = {"Name": self.name, "UnitHash": list(bytes.fromhex(self.sha1))}
        return {
            f"unit/{self.sha1}": json.dumps({"Raw": self.text}, separators=(",", ":")),
            f"job/{self.name}/object": json.dumps(job, separators=(",", ":")),
            f"job/{self.name}/target-state": self.wanted,
        }


HELLO = """\
[Unit]
Description=hello

[Service]
ExecStart=/bin/sleep infinity
"""

MON = """\
[Unit]
Description=monitor (global)

[Service]
ExecStart=/bin/sleep infinity

[X-Fleet]
Global=true
"""

ZOOKEEPER = """\
[Unit]
Description=Zookeeper %i

[Service]
ExecStartPre=-/usr/bin/docker kill zk%i
ExecStartPre=/usr/bin/docker pull zookeeper:3.4
ExecStart=/bin/sleep infinity

[X-Fleet]
MachineMetadata=role=zookeeper
Conflicts=zookeeper@*.service
"""

WEB = """\
[Unit]
Description=Web server %i
After=docker.service
Requires=docker.service

[Service]
TimeoutStartSec=0
ExecStartPre=-/usr/bin/docker rm -f web-%i
ExecStartPre=/usr/bin/docker pull nginx:1.9
ExecStart=/usr/bin/docker run --name web-%i -p 80:80 nginx:1.9
ExecStop=/usr/bin/docker stop web-%i

[X-Fleet]
Conflicts=web@*.service
"""

CACHE = """\
[Unit]
Description=Cache %i

[Service]
ExecStart=/usr/bin/redis-server --port 6379
"""


def role(number: int, machines: int) -> str:
    """What machine `number` of `machines` is for: the last three may run zookeeper."""
    return "zookeeper" if number > machines - 3 else "worker"


def before_the_mistake(machines: int) -> Iterator[Submission]:
    """What ran while all was well."""
    zookeepers = min(machines, 3)
    yield Submission("hello.service", HELLO)
    yield Submission("mon.service", MON)
    yield Submission("web@.service", WEB, "inactive")
    for number in range(1, max(1, machines * 2 // 3) + 1):
        yield Submission(f"web@{number}.service", WEB)
    for number in range(1, machines // 3 + 1):
        yield Submission(f"cache@{number}.service", CACHE)
    yield Submission(TEMPLATE, ZOOKEEPER, "inactive")
    for number in range(1, zookeepers):
        yield Submission(f"zookeeper@{number}.service", ZOOKEEPER)


def the_mistake() -> Submission:
    """`fleetctl load` of the template instead of an instance."""
    return Submission(TEMPLATE, ZOOKEEPER, "loaded")


def after_the_mistake(machines: int) -> Submission:
    """The deployment that hangs: its machine is held by the loaded template."""
    return Submission(f"zookeeper@{min(machines, 3)}.service", ZOOKEEPER)
