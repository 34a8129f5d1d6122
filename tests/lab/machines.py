"""One systemd machine of the lab, and what is done to it from outside."""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .cgroups import ControlGroup
from .island import BRIDGE, Island
from .shell import LabBroken, attempt, children, program, run, wait_until

USER = "core"
_ENVIRONMENT = ("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C")
# A shell that moves itself into control groups, named up to `--`, and becomes the rest.
_INTO_GROUPS = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done; shift; exec "$@"'


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """What one machine is to be."""

    number: int
    """From 1; gives its name and its address."""
    fleetd_version: str = "0.11.8"
    metadata: tuple[tuple[str, str], ...] = ()
    agent_ttl: int = 30
    """Seconds."""
    machine_id: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def name(self) -> str:
        return f"core-{self.number:02d}"


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line of a unit's journal, as the machine has it."""

    at: float
    """Seconds since 1970, by the machine's clock."""
    identifier: str
    message: str


class Machine:
    """A machine with a disk of its own over the shared base; it keeps its disk when switched off.

    Everything that is done to it here happens from outside, without SSH: that is for the tests.
    """

    def __init__(self, spec: MachineSpec, island: Island, base: Path) -> None:
        self.spec = spec
        self.address = island.address(spec.number)
        self._island = island
        self._root = island.folder / spec.name / "root"
        self._group = ControlGroup(f"{island.cable}/{spec.name}")
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0
        self._mount(base)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def machine_id(self) -> str:
        return self.spec.machine_id

    def disk(self, path: str) -> Path:
        """A file of the machine's disk as a path of ours, whether the machine runs or not."""
        return self._island.path(self._root) / path.lstrip("/")

    def live(self, path: str) -> Path:
        """A file as the running machine sees it, /run and /proc included, as a path of ours.

        Absolute links in it lead to our own files, not to the machine's: read those, never follow.
        """
        return Path(f"/proc/{self._leader}/root") / path.lstrip("/")

    def put(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file onto the machine's disk."""
        file = self.disk(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)

    # --- switching it on and off -------------------------------------------------------------

    def switch_on(self) -> None:
        """Begin to boot; `wait_for_boot` sees it through."""
        # The kernel takes a cable away some time after the last process that had it.
        wait_until(self._is_unplugged, f"the cable that {self.name} had before to go")
        self._group.make()
        nspawn = ("systemd-nspawn", "-D", str(self._root), "--boot", f"--machine={self.name}")
        place = ("--register=no", "--keep-unit", f"--network-bridge={BRIDGE}", "--link-journal=no")
        command = self._island.command(*nspawn, *place)
        groups = tuple(map(str, self._group.folders))
        with self.console.open("wb") as console:
            self._nspawn = subprocess.Popen(
                ("sh", "-c", _INTO_GROUPS, "sh", *groups, "--", *command),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env=os.environ | {"UNIFIED_CGROUP_HIERARCHY": "1"},
            )

    @property
    def console(self) -> Path:
        """What the machine printed while it booted, as a path of ours."""
        return self._island.path(self._root.parent) / "console"

    def wait_for_boot(self) -> None:
        """Until its sshd takes connections. Raises LabBroken with the end of its console."""
        try:
            self._leader = wait_until(self._init, f"{self.name}'s init")
            wait_until(self.answers_ssh, f"{self.name}'s sshd")
        except LabBroken as error:
            raise LabBroken(f"{error}; its console: {self._console_end()}") from error

    def answers_ssh(self) -> bool:
        """Whether an SSH server greets at the machine's address."""
        try:
            with socket.create_connection((self.address, 22), timeout=2) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def shut_down(self) -> None:
        """Switch it off in order: every service is stopped first; after 20 s it is unplugged."""
        self._signal_nspawn(signal.SIGTERM)
        try:
            self._running.wait(20)
        except subprocess.TimeoutExpired:
            self.unplug()
        else:
            self._forget()

    def unplug(self) -> None:
        """End all of it at once, as a power cut does."""
        self._group.kill()
        self._running.wait(10)
        self._forget()

    def freeze(self) -> None:
        """Stop every process of the machine where it stands; connections stay open and silent."""
        self._group.freeze()

    def thaw(self) -> None:
        self._group.thaw()

    def scrap(self) -> None:
        """End it and throw its disk away."""
        if self._nspawn is not None:
            self.unplug()
        self._island.inside("umount", str(self._root))
        shutil.rmtree(self._island.path(self._root.parent))

    # --- doing things on it ------------------------------------------------------------------

    def attempt(self, *argv: str) -> subprocess.CompletedProcess[bytes]:
        """Run a program on the machine as root, however it ends."""
        return attempt(*self._inside(argv))

    def run(self, *argv: str) -> str:
        """Output of a program that must succeed on the machine, as root. Raises LabBroken."""
        return run(*self._inside(argv)).decode(errors="replace")

    def followers(self) -> int:
        """How many journalctl processes it has."""
        running = self.run("sh", "-c", "cat /proc/[0-9]*/comm 2>/dev/null || true").split()
        return running.count("journalctl")

    def stop_sshd(self) -> None:
        """End sshd and every session of it."""
        self.run("systemctl", "stop", "ssh.service")
        group = self.live("/sys/fs/cgroup/system.slice/ssh.service/cgroup.kill")
        if group.exists():  # sessions outlive the unit, and so does its group
            group.write_text("1")

    def start_sshd(self) -> None:
        self.run("systemctl", "start", "ssh.service")
        wait_until(self.answers_ssh, f"{self.name}'s sshd")

    def cut_off(self, url: str) -> None:
        """Let nothing through to a server any more; the rest of the network stays as it was."""
        self.run("ip", "rule", "add", *_way_to(url), "unreachable")

    def let_through(self, url: str) -> None:
        """What `cut_off` took."""
        self.run("ip", "rule", "delete", *_way_to(url), "unreachable")

    def show(self, unit: str, name: str) -> str:
        """One property of a unit, from `systemctl show`."""
        return self.run("systemctl", "show", "-p", name, "--", unit).strip().partition("=")[2]

    def main_pid(self, unit: str) -> int:
        """0 = no main process."""
        return int(self.show(unit, "MainPID"))

    def main_pids(self, units: Iterable[str]) -> dict[str, int]:
        return {unit: self.main_pid(unit) for unit in units}

    def journal(self, unit: str, since: float = 0) -> list[JournalLine]:
        """A unit's lines later than `since`, in seconds since 1970 by the machine's clock."""
        told = self.run("journalctl", "-u", unit, "-o", "json", "--no-pager")
        return [line for line in _journal_lines(told) if line.at > since]

    def last_words(self) -> str:
        """The end of its journal, or of its console where it has none; for a failed test."""
        if self._leader == 0:
            return self._console_end()
        ended = self.attempt("journalctl", "--no-pager", "-n", "60", "-o", "short-precise")
        return ended.stdout.decode(errors="replace")

    def _console_end(self) -> str:
        if not self.console.exists():
            return f"{self.name} was never switched on"
        return self.console.read_text(errors="replace")[-2000:]

    def _inside(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        return ("nsenter", "--target", str(self._leader), "--all", "--", *_ENVIRONMENT, *argv)

    # --- how it is made ----------------------------------------------------------------------

    def _mount(self, base: Path) -> None:
        folder = self._root.parent
        layers = {"lowerdir": base, "upperdir": folder / "upper", "workdir": folder / "work"}
        inside = self._island.inside
        inside("mkdir", "-p", str(self._root), f"{folder}/upper", f"{folder}/work")
        options = ",".join(f"{name}={path}" for name, path in layers.items())
        inside("mount", "-t", "overlay", "-o", options, self.name, str(self._root))
        self._give_identity()

    def _give_identity(self) -> None:
        self.put("/etc/machine-id", f"{self.machine_id}\n", mode=0o444)
        self.put("/etc/hostname", f"{self.name}\n")
        self.put("/etc/hosts", f"127.0.0.1 localhost\n{self.address} {self.name}\n")
        network = ("[Match]", "Name=host0", "[Network]", f"Address={self.address}/24")
        self.put("/etc/systemd/network/10-lab.network", "\n".join(network) + "\n")
        key = self.disk("/etc/ssh/ssh_host_ed25519_key")
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", str(key))

    @property
    def host_key(self) -> str:
        """The machine's public key, type and base64."""
        words = self.disk("/etc/ssh/ssh_host_ed25519_key.pub").read_text().split()
        return " ".join(words[:2])

    # --- its processes -----------------------------------------------------------------------

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        if self._nspawn is None:
            raise LabBroken(f"{self.name} is switched off")
        return self._nspawn

    def _init(self) -> int | None:
        """The machine's first process: sh became nsenter, whose child nspawn is its parent."""
        if self._running.poll() is not None:
            raise LabBroken(f"systemd-nspawn: exit status {self._running.returncode}")
        found = [init for child in children(self._running.pid) for init in children(child)]
        booted = [init for init in found if program(init) == "systemd"]
        return booted[0] if booted else None

    def _is_unplugged(self) -> bool:
        cable = ("ip", "link", "show", f"vb-{self.name}")
        return attempt(*self._island.command(*cable)).returncode != 0

    def _signal_nspawn(self, number: int) -> None:
        for nspawn in children(self._running.pid):
            os.kill(nspawn, number)

    def _forget(self) -> None:
        self._nspawn = None
        self._leader = 0
        self._group.remove()


def _way_to(url: str) -> tuple[str, ...]:
    place = urlsplit(url)
    tcp = str(socket.IPPROTO_TCP)  # the machine has no /etc/protocols to name it
    return ("to", str(place.hostname), "ipproto", tcp, "dport", str(place.port))


def _journal_lines(text: str) -> Iterator[JournalLine]:
    for line in text.splitlines():
        if line.startswith("{"):  # `-- No entries --` is no record
            record = json.loads(line)
            at = int(record["__REALTIME_TIMESTAMP"]) / 1e6
            yield JournalLine(at, record.get("SYSLOG_IDENTIFIER", ""), str(record["MESSAGE"]))
