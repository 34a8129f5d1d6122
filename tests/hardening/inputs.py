"""Good inputs of every decoder: recorded ones, and some by hand."""

import json
from pathlib import Path

from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS

DATA = Path(__file__).parents[1] / "data"


def _lines(path: str, start: int, count: int) -> tuple[bytes, ...]:
    return tuple((DATA / path).read_bytes().splitlines()[start : start + count])


def _joined(*fields: str | bytes) -> bytes:
    return b"".join((f.encode() if isinstance(f, str) else f) + b"\0" for f in fields)


SERVICES = (
    b"Id=fleet.service\nNames=fleet.service\nActiveState=active\nSubState=running\nMainPID=7\n"
    b"LoadState=loaded\nActiveEnterTimestampMonotonic=40000000\nJob=3\nFragmentPath=/x\n\n"
    b"Id=foo@1.service\nNames=foo@1.service alias.service\nActiveState=failed\n"
    b"InactiveEnterTimestampMonotonic=1\nNeedDaemonReload=yes\n"
)
RECORDS = _lines("recordings/0.11.8/core-02.fleet.journal.jsonl", 0, 12)
SHAPES = tuple(
    json.dumps(
        {"__CURSOR": "s=1", "__REALTIME_TIMESTAMP": "1409270367310391", "MESSAGE": m}
    ).encode()
    for m in ("x", [104, 255, 105], ["a", [104, 105], None], None, [], 7)
)
PROBE = _joined(
    *("fleettui-probe-1", "1409270400.5", "100.25", "cd" * 16, "core-03"),
    *("folder", FLEET_UNITS, FLEET_UNITS, "entry", "foo@.service", "f", "120", "644", "1", ""),
    *("entry", "sub", "d", "40", "755", "2", "", "sha256", "foo@.service", "0f" * 32),
    *("folder", SYSTEMD_UNITS, SYSTEMD_UNITS),
    *("entry", "foo@.service", "l", "32", "777", "1", "/run/fleet/units/foo@.service"),
    *("missing", FLEET_UNITS, "ls: no such file", "version", "fleetd version 0.11.8"),
    *("services", SERVICES, "journal", b"\n".join(RECORDS[:3]), "end"),
)
IMAGES = _joined(
    *("fleettui-images-1", "docker", "0", "REPOSITORY TAG\nnginx 1.9 0e8a\n<none> <none> c06\n"),
    *("rkt", "0", "sha512-e7\tcoreos.com/etcd:v2.0.0\t12MiB\n", "podman", "125", "no", "end"),
)
CHANGE = json.dumps(
    {
        "MESSAGE_ID": "39f53479d3a045ac8e11786248231fbf",
        "UNIT": "a.service",
        "__REALTIME_TIMESTAMP": "1709270367310391",
    }
).encode()
_KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q"
KNOWN_HOSTS = (
    f"a.b,[::1]:2222 ssh-ed25519 {_KEY} comment\n@revoked *.b ssh-ed25519 {_KEY}\n"
    f"@cert-authority !x,*.b ssh-ed25519 {_KEY}\n# nothing\n\n"
    f"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-ed25519 {_KEY}\n"
).encode()
EVENTS = (
    b'{"action":"set","node":{"key":"/_coreos.com/fleet/job/a.service/target-state",'
    b'"value":"launched","modifiedIndex":8,"createdIndex":8}}\n'
    b'{"action":"expire","node":{"key":"/_coreos.com/fleet/machines/m1/object",'
    b'"modifiedIndex":9},"prevNode":{"key":"x","value":"y"}}\n'
    b'{"action":"delete","node":{"key":"/_coreos.com/fleet/job","dir":true,"modifiedIndex":10}}\n'
)
REGISTRY = (DATA / "recordings/0.11.8/faulted.registry.json").read_bytes()
VALUES = (
    b'{"ID":"m1","PublicIP":"10.0.0.1","Metadata":{"k":"v"},"Version":"0.11.8"}',
    json.dumps({"Name": "a.service", "UnitHash": [0] * 20}).encode(),
    b'{"loadState":"loaded","activeState":"active","unitHash":"ab","machineState":{"ID":"m1"}}',
    b'{"MachineID":"m1","Version":1}',
    b'{"Raw":"[Service]\\nExecStart=/bin/x\\n[X-Fleet]\\nGlobal=true\\n"}',
    b"launched",
)
LOCK = (
    b'{"token":"20260101T000000Z-abcdef","who":"ann@desk","machine_id":"m1","subject":'
    b'"zookeeper@.service","stage":"delete","since":"2026-01-01T00:00:00+00:00","process":"p1"}'
)
UNIT = (
    b"[Unit]\nDescription=x \\\n  y\n; comment\n# other \\\n[Service]\n"
    b"ExecStartPre=-/usr/bin/docker pull --platform x quay.io/a/b:1\nExecStartPre=/bin/sh -c "
    b'\'rkt --insecure fetch docker://redis\'\n[X-Fleet]\nConflicts="a@*" "b"\nGlobal=true\n'
)


WHOLE_RECORD = (DATA / "repairs/demo-gentle.jsonl").read_bytes()


def _part_of(record: bytes, number: int) -> bytes:
    """A record of its first line and three others."""
    first, *lines = record.splitlines(keepends=True)
    return first + b"".join(lines[number - 1 : number + 2])


REPAIRS = (WHOLE_RECORD, *(_part_of(WHOLE_RECORD, n) for n in range(1, 29, 3)))
"""Records of repairs: a whole one, and short ones."""
CONFIG = b"""\
profile = "production"
ssh_username = "core"
observe = false

[profiles.production]
endpoint = ["http://10.0.0.1:2379", "https://etcd.example:2379"]
etcd_key_prefix = "/_coreos.com/fleet/"
identity = ["~/.ssh/id_ed25519"]
known_hosts_file = "/etc/known_hosts"
ssh_port = 22
observe = true
"""
