"""The lab does what the tests rely on, and leaves nothing behind."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from fleettui.demo.http_registry import HttpRegistry

from .base import lab_folder
from .cgroups import ControlGroup
from .conftest import Lab
from .etcd_server import Etcd
from .machines import Machine
from .shell import run, wait_until

KILLED_RUN = """
import sys
from lab.base import base_folder, lab_folder
from lab.island import Island
from lab.machines import Machine, MachineSpec

island = Island(lab_folder() / "machines")
machine = Machine(MachineSpec(1), island, base_folder())
machine.switch_on()
machine.wait_for_boot()
sys.stdout.write(island.cable + "\\n")
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.fixture
def etcd(lab: Lab, tmp_path: Path) -> Iterator[Etcd]:
    etcd = Etcd(lab.island.gateway, tmp_path)
    etcd.start()
    yield etcd
    if etcd.is_running:
        etcd.stop()


def test_a_machine_boots_as_a_healthy_systemd_of_its_own(bare: Machine) -> None:
    wait_until(
        lambda: bare.attempt("systemctl", "is-system-running").stdout == b"running\n",
        "every service to be up",
    )
    assert bare.run("cat", "/etc/machine-id").strip() == bare.machine_id
    assert bare.run("hostname").strip() == bare.name
    assert "systemd-journal" in bare.run("id", "-nG", "core").split()


def test_sshd_goes_with_its_sessions_and_comes_back(bare: Machine) -> None:
    bare.stop_sshd()
    assert not bare.answers_ssh()
    bare.start_sshd()
    assert bare.answers_ssh()


def test_a_frozen_machine_is_silent_until_it_is_thawed(bare: Machine) -> None:
    bare.freeze()
    assert not bare.answers_ssh()
    bare.thaw()
    assert bare.answers_ssh()


def test_an_unplugged_machine_keeps_its_disk_and_its_identity(bare: Machine) -> None:
    bare.run("sh", "-c", "echo kept > /root/kept")
    host_key = bare.host_key
    bare.unplug()
    assert not bare.answers_ssh()
    bare.switch_on()
    bare.wait_for_boot()
    assert bare.run("cat", "/root/kept") == "kept\n"
    assert bare.run("cat", "/etc/machine-id").strip() == bare.machine_id
    assert bare.host_key == host_key


def test_a_machine_that_is_shut_down_ends_its_services_in_order(bare: Machine) -> None:
    bare.shut_down()
    bare.switch_on()
    bare.wait_for_boot()
    told = bare.run("journalctl", "-u", "ssh.service", "--no-pager", "-o", "cat")
    assert told.count("Stopped ssh.service") >= 1


def test_etcd_keeps_its_keys_over_a_stop(etcd: Etcd) -> None:
    with closing(HttpRegistry(etcd.url)) as registry:
        registry.write("engine/version", "1")
        etcd.stop()
        with pytest.raises(OSError, match="does not answer"):
            registry.read("engine")
        etcd.start()
        assert registry.read("engine") == {"engine/version": "1"}


def test_etcd_answers_on_loopback_too(etcd: Etcd) -> None:
    with closing(HttpRegistry(etcd.url)) as registry:
        registry.write("engine/version", "1")
    with closing(HttpRegistry(etcd.loopback_url)) as registry:
        assert registry.read("engine") == {"engine/version": "1"}


def test_a_frozen_etcd_takes_connections_and_answers_nothing(etcd: Etcd) -> None:
    with closing(HttpRegistry(etcd.url, timeout=0.5)) as registry:
        etcd.freeze()
        with pytest.raises(OSError, match="timed out"):
            registry.read("engine")
        etcd.thaw()
        assert registry.read("engine") == {}


@pytest.mark.usefixtures("lab")
def test_a_run_that_is_killed_takes_its_machines_and_its_network_along() -> None:
    tests = Path(__file__).parents[1]
    path = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": f"{tests}:{tests.parent}"}
    with subprocess.Popen(
        (sys.executable, "-c", KILLED_RUN),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=path | {"FLEETTUI_LAB_DIR": str(lab_folder())},
    ) as killed:
        assert killed.stdout is not None
        cable = killed.stdout.readline().decode().strip()
        assert cable in run("ip", "-brief", "link").decode()
        assert machines_of(cable) != []
        killed.kill()
    wait_until(lambda: cable not in run("ip", "-brief", "link").decode(), "the cable to go")
    wait_until(lambda: machines_of(cable) == [], "its processes to end")
    ControlGroup(cable).remove()  # empty by now; the next run on this network would do it too


def machines_of(cable: str) -> list[str]:
    """Processes in the control groups of a lab, by /proc path."""
    mine = f"/{cable}/"
    return [str(p) for p in Path("/proc").glob("[0-9]*/cgroup") if mine in _text(p)]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
