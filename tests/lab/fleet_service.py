"""Putting the stand-in of fleetd onto a lab machine, as CoreOS put fleetd onto its own."""

import json
from pathlib import Path

from fleettui.demo.fleetd import CONFIG, SOURCES

from .machines import Machine

HOME = "/opt/fleet"
_SERVICE = """\
[Unit]
Description=fleet daemon
After=network.target

[Service]
Environment=PYTHONPATH={home} PYTHONDONTWRITEBYTECODE=1
ExecStart=/usr/bin/python3 {home}/fleetd_main.py {version}
SyslogIdentifier=fleetd
Restart=always
RestartSec=10s

[Install]
WantedBy=multi-user.target
"""


def install(machine: Machine, etcd: str) -> None:
    """Files, configuration and unit, to be started with the machine; `etcd` is a client URL."""
    repository = Path(__file__).parents[2]
    for source in SOURCES:
        machine.put(f"{HOME}/{source}", (repository / source).read_text(), mode=0o444)
    program = Path(__file__).with_name("fleetd_main.py")
    machine.put(f"{HOME}/fleetd_main.py", program.read_text(), mode=0o444)
    version = machine.spec.fleetd_version
    machine.put("/etc/systemd/system/fleet.service", _SERVICE.format(home=HOME, version=version))
    wants = machine.disk("/etc/systemd/system/multi-user.target.wants/fleet.service")
    wants.symlink_to("/etc/systemd/system/fleet.service")
    machine.put(CONFIG, _configuration(machine, etcd))


def _configuration(machine: Machine, etcd: str) -> str:
    metadata = ",".join(f"{key}={value}" for key, value in machine.spec.metadata)
    settings = {"etcd_servers": [etcd], "public_ip": machine.address, "metadata": metadata}
    settings["agent_ttl"] = f"{machine.spec.agent_ttl}s"
    return "".join(f"{name}={json.dumps(value)}\n" for name, value in settings.items())
