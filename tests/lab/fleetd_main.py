"""The process behind `fleet.service` on a lab machine: the stand-in of fleetd on a real systemd.

It runs on a bare machine, with Python's standard library and the files named in `SOURCES`.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from fleettui.demo.fleetd import CONFIG, Fleetd, SystemdRefused
from fleettui.demo.http_registry import HttpRegistry

UNITS = Path("/run/fleet/units")
LINKS = Path("/run/systemd/system")
TYPES = (".service", ".socket", ".timer", ".path", ".device", ".mount", ".automount")
PAUSE = 0.1
"""Seconds between two steps."""


class RealSystemd:
    """The systemd of this machine, asked by systemctl; it answers in its own words."""

    def write_unit(self, name: str, text: str) -> None:
        """The file in fleet's folder, and systemd's link to it in place of whatever is there."""
        UNITS.mkdir(parents=True, exist_ok=True)
        file, link = UNITS / name, LINKS / name
        file.write_text(text, encoding="utf-8", errors="surrogateescape")
        link.unlink(missing_ok=True)
        link.symlink_to(file)

    def remove_unit(self, name: str) -> None:
        """The link, then the file; absent ones are no error."""
        (LINKS / name).unlink(missing_ok=True)
        (UNITS / name).unlink(missing_ok=True)

    def reload(self) -> None:
        """daemon-reload, to its end."""
        self._systemctl("daemon-reload")

    def start(self, name: str) -> None:
        """Queue a start job. Raises SystemdRefused."""
        self._systemctl("start", "--no-block", "--", name)

    def stop(self, name: str) -> None:
        """Queue a stop job. Raises SystemdRefused."""
        self._systemctl("stop", "--no-block", "--", name)

    def managed(self) -> Mapping[str, str]:
        """Name and text of each unit file in fleet's folder."""
        files = UNITS.iterdir() if UNITS.is_dir() else ()
        return {
            file.name: file.read_text(encoding="utf-8", errors="surrogateescape")
            for file in files
            if file.name.endswith(TYPES)
        }

    def states(self, names: Collection[str]) -> Mapping[str, tuple[str, str, str]]:
        """Load, active and sub state by name. Raises SystemdRefused if one is no name for it."""
        if not names:
            return {}
        wanted = sorted(names)
        properties = ("-p", "LoadState", "-p", "ActiveState", "-p", "SubState")
        told = self._systemctl("show", *properties, "--", *wanted)
        blocks = [dict(_pairs(block)) for block in told.strip().split("\n\n")]
        return {
            name: (block["LoadState"], block["ActiveState"], block["SubState"])
            for name, block in zip(wanted, blocks, strict=True)
        }

    def _systemctl(self, *argv: str) -> str:
        ended = subprocess.run(
            ("systemctl", *argv), capture_output=True, text=True, errors="replace", check=False
        )
        said = ended.stderr.strip()
        if said:
            raise SystemdRefused(_without_preface(said.splitlines()[0]))
        return ended.stdout


def _without_preface(line: str) -> str:
    """What systemd answered, without what systemctl puts before it."""
    return re.sub(r"^Failed to (get properties|start \S+|stop \S+|reload daemon): ", "", line)


def _pairs(block: str) -> Sequence[tuple[str, str]]:
    return [(name, value) for name, _, value in (line.partition("=") for line in block.split("\n"))]


def _settings(text: str) -> dict[str, str]:
    """fleet.conf: lines of `name="value"`, where a list is taken for its first value."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            decoded = json.loads(value)
            found[name.strip()] = str(decoded[0] if isinstance(decoded, list) else decoded)
    return found


def _fleetd(version: str) -> Fleetd:
    settings = _settings(Path(CONFIG).read_text(encoding="utf-8"))
    metadata = settings.get("metadata", "")
    return Fleetd(
        machine_id=Path("/etc/machine-id").read_text(encoding="ascii").strip(),
        ip=settings["public_ip"],
        metadata=dict(_pairs(metadata.replace(",", "\n"))) if metadata else {},
        version=version,
        registry=HttpRegistry(settings["etcd_servers"]),
        systemd=RealSystemd(),
        log=_say,
        ttl=int(settings.get("agent_ttl", "30s").removesuffix("s")),
    )


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(version: str) -> None:
    """Live until SIGTERM. Signals wait for the end of a step, as fleetd's wait for its server."""
    signals = {signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    os.environ["LC_ALL"] = "C"
    fleetd = _fleetd(version)
    while True:
        fleetd.step(time.monotonic())
        caught = signal.sigtimedwait(signals, PAUSE)
        if caught is None:
            continue
        if caught.si_signo == signal.SIGTERM:
            fleetd.terminate()
            return
        fleetd.hangup()


if __name__ == "__main__":
    main(sys.argv[1])
