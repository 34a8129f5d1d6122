"""`fleettui doctor` on real machines: nothing on a healthy cluster, and all of what is broken."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .catalogue import no_engine_leader
from .cluster import Cluster
from .machines import USER, Machine
from .operator_ssh import OperatorSsh
from .test_lab_check import check

NOBODY = "http://127.0.0.1:1"
"""An endpoint where nothing listens."""


def doctor(
    cluster: Cluster, ssh: OperatorSsh, home: Path, *endpoints: str
) -> tuple[int, dict[str, Any]]:
    """Run the command as cron would, with a home of its own, and read what it prints."""
    argv = [sys.executable, "-m", "fleettui"]
    for endpoint in (cluster.etcd.url, *endpoints):
        argv += ["--endpoint", endpoint]
    argv += ["--identity", str(ssh.key), "--known-hosts-file", str(ssh.known_hosts)]
    environment = {**os.environ, "HOME": str(home)}
    environment |= {f"XDG_{kind}_HOME": str(home / kind) for kind in ("CONFIG", "STATE")}
    ended = subprocess.run(
        [*argv, "doctor", "--json"], capture_output=True, timeout=120, check=False, env=environment
    )
    return ended.returncode, json.loads(ended.stdout)


def wrong(document: dict[str, Any]) -> set[tuple[str, str | None]]:
    hops = [hop for hop in document["hops"] if hop["standing"] in {"wrong", "doubtful"}]
    found = {(hop["hop"], hop["where"]) for hop in hops}
    assert len(found) == len(hops)
    return found


def name_of(machine: Machine) -> str:
    return f"{machine.machine_id[:8]}.../{machine.address}"


def take_rights(machine: Machine) -> None:
    """The SSH user may neither read the journal nor have root any more."""
    machine.run("gpasswd", "--delete", USER, "systemd-journal")
    machine.run("rm", f"/etc/sudoers.d/{USER}")


@pytest.mark.timeout(300, func_only=True)
def test_six_things_that_are_broken_at_once_are_all_named_and_nothing_else(
    cluster: Cluster, ssh: OperatorSsh, tmp_path: Path
) -> None:
    status, document = check(cluster, ssh)
    assert (status, document["findings"], document["unread"]) == (0, [], [])
    home = tmp_path / "home"
    home.mkdir()
    status, document = doctor(cluster, ssh, home)
    assert (status, wrong(document)) == (0, set())
    silent, strange, poor = cluster.machines
    silent.stop_sshd()
    ssh.known_hosts.write_text(f"{strange.address} {silent.host_key}\n")
    ssh.trust(silent)
    ssh.trust(poor)
    take_rights(poor)
    with no_engine_leader(cluster, ssh):
        status, document = doctor(cluster, ssh, home, NOBODY)
    assert wrong(document) == {
        ("endpoint", NOBODY),
        ("leader", None),
        ("port", name_of(silent)),
        ("host_key", name_of(strange)),
        ("journal", name_of(poor)),
        ("root", name_of(poor)),
    }
    assert (status, document["wrong"], document["doubtful"]) == (1, 6, 0)
    assert list(home.iterdir()) == [], "it wrote nothing"
