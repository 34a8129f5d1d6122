"""The lab for a run, and a healthy cluster of new machines for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from .base import base_folder, lab_folder
from .cluster import Cluster
from .island import Island
from .machines import Machine, MachineSpec
from .operator_ssh import OperatorSsh
from .shell import LabBroken, run

MACHINES = 3
BARE = 9
"""Number of the machine without fleet: next to those of a cluster, none of them."""
LIMIT = 120
"""Seconds for the body of one test; what its fixtures wait for has limits of its own."""


@dataclass(frozen=True, slots=True)
class Lab:
    """What all machines of a run share."""

    island: Island
    base: Path
    key: Path
    """The operator's private key; the public one lies beside it."""

    @property
    def authorized(self) -> str:
        return self.key.with_suffix(".pub").read_text()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The limit on a test's time leaves out its fixtures: the first of them may make the base."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.timeout(LIMIT, func_only=True))


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    base = base_folder()
    key = tmp_path_factory.mktemp("operator") / "id_ed25519"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    island = Island(lab_folder() / "machines")
    yield Lab(island, base, key)
    island.close()


@pytest.fixture
def fleetd_version() -> str:
    """What every machine runs; a test that needs another is parametrized by this name."""
    return "0.11.8"


@pytest.fixture
def cluster(lab: Lab, fleetd_version: str, tmp_path: Path) -> Iterator[Cluster]:
    """A healthy cluster that no other test has touched, machines and etcd included."""
    with running_cluster(lab, tmp_path, fleetd_version) as cluster:
        yield cluster


@contextmanager
def running_cluster(
    lab: Lab, folder: Path, fleetd_version: str, agent_ttl: int = 30
) -> Iterator[Cluster]:
    """A healthy cluster, with etcd's data in `folder`; `agent_ttl` in seconds."""
    specs = [
        MachineSpec(n, fleetd_version, (("rack", f"r{n}"),), agent_ttl)
        for n in range(1, MACHINES + 1)
    ]
    cluster = Cluster(lab.island, lab.base, specs, lab.authorized, folder)
    try:
        cluster.start()
        yield cluster
    except LabBroken as error:
        for machine in cluster.machines:
            error.add_note(f"--- {machine.name}\n{machine.last_words()}")
        raise
    finally:
        cluster.close()


@pytest.fixture(scope="module")
def bare(lab: Lab) -> Iterator[Machine]:
    """A machine without fleet, for one module: its tests keep to folders and units of their own."""
    machine = Machine(MachineSpec(BARE), lab.island, lab.base)
    machine.put("/home/core/.ssh/authorized_keys", lab.authorized)
    machine.switch_on()
    machine.wait_for_boot()
    yield machine
    machine.scrap()


@pytest.fixture
def ssh_to_bare(lab: Lab, bare: Machine, tmp_path: Path) -> OperatorSsh:
    return OperatorSsh(lab.key, [bare], tmp_path / "known_hosts_of_bare")


@pytest.fixture
def ssh(lab: Lab, cluster: Cluster, tmp_path: Path) -> OperatorSsh:
    """The plain SSH client, as user core, with every machine's key known."""
    return OperatorSsh(lab.key, cluster.machines, tmp_path / "known_hosts")
