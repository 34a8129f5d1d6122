"""Machines to log in to: one real sshd on loopback that answers at every address of the cluster.

Their journal is a function of the clock: line N of a machine is written N / rate seconds after the
journals began to speak. So each journalctl tells the same lines, and what is missing can be told.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection

from fleettui.demo.etcd import free_port

from .cluster import address, machine_id
from .elsewhere import elsewhere, group
from .journalctl import BEFORE, record

JOURNALCTL = Path(__file__).with_name("journalctl.py")
SILENT = Path(__file__).with_name("silent_journalctl.sh")
ADDRESSES = "127.1.*"
"""Those of `cluster.address`."""
WITH_US = ("setpriv", "--pdeathsig", "TERM")
"""Before a command: the kernel ends it where the benchmark is killed without a word."""
KEX = "curve25519-sha256"
"""What both fleettui and `ssh` agree on here, so that the key exchange is nobody's merit."""


@dataclass(frozen=True, slots=True)
class Machines:
    """The sshd of all machines, and the home of an operator who may log in to them."""

    folder: Path
    port: int
    at: str = "0.0.0.0"
    """The address that sshd listens on; this is all of them."""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def identity(self) -> Path:
        return self.home / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        return self.home / "known_hosts"

    def speak(self, rate: float, seconds: float, huge: int = 0) -> None:
        """From now on every journal has `rate` lines a second more, for so long; each second one
        has `huge` bytes.
        """
        told = self.folder / "told"
        told.write_text(f"{time.time()} {rate} {seconds} {huge}")
        told.replace(self.folder / "speech")

    def ssh(self, address: str, *command: str) -> Sequence[str]:
        """The command line of OpenSSH's client for the same machine."""
        options = {
            "UserKnownHostsFile": str(self.known_hosts),
            "IdentityFile": str(self.identity),
            "Port": str(self.port),
            "KexAlgorithms": KEX,
            "BatchMode": "yes",
        }
        given = (f"-o{name}={value}" for name, value in options.items())
        return ("ssh", "-F", "none", "-T", *given, f"{user()}@{address}", *command)

    def arguments(self) -> Sequence[str]:
        """The app's options to reach them."""
        who = ("--ssh-port", str(self.port), "--ssh-username", user())
        return (*who, "--identity", str(self.identity), "--known-hosts-file", str(self.known_hosts))


@contextmanager
def machines(folder: Path, silent: int = 0, *, at: str = "0.0.0.0") -> Iterator[Machines]:
    """An sshd on every address of loopback, or `at` one, run by whoever runs this.

    The journals of so many machines may be silent: their journalctl costs what a real one does.
    """
    made = Machines(folder, free_port("127.0.0.1"), at)
    made.home.mkdir()
    host_key = folder / "host_key"
    for key in (host_key, made.identity):
        _quietly("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    public = host_key.with_suffix(".pub").read_text()
    made.known_hosts.write_text(f"[{ADDRESSES}]:{made.port} {public}")
    _fake_programs(folder)
    if silent:
        silence(folder, silent)
    config = folder / "sshd_config"
    config.write_text(_config(made, host_key))
    sshd = str(shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin"))
    argv = (*WITH_US, sshd, "-D", "-f")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd wants it, and its service is not there
    with elsewhere():
        process = subprocess.Popen((*argv, str(config)), stderr=subprocess.DEVNULL)
    try:
        _await_port(made)
        yield made
    finally:
        _end(process)


def _end(sshd: subprocess.Popen[bytes]) -> None:
    """End sshd and every session of it: each has a process group of its own and would go on."""
    for pid in _descendants(sshd.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    sshd.terminate()
    sshd.wait()


def _descendants(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:  # it ended meanwhile
        return []
    return [each for child in children for each in (*_descendants(int(child)), int(child))]


def _config(made: Machines, host_key: Path) -> str:
    """Another home, so that no login shell reads what the user's own shell does at its start."""
    return f"""
ListenAddress {made.at}:{made.port}
HostKey {host_key}
AuthorizedKeysFile {made.identity}.pub
KexAlgorithms {KEX}
PermitRootLogin yes
StrictModes no
UsePAM no
MaxStartups 1000
PidFile none
{_environment(made)}
"""


def _environment(made: Machines) -> str:
    """Only the first SetEnv of a configuration counts."""
    folder = made.folder
    paths = f"PATH={folder}/bin:/usr/bin:/bin HOME={folder} BENCH_SPEECH={folder}/speech"
    polite = "" if group() else "BENCH_POLITE=1"
    return f"SetEnv {paths} BENCH_PID={os.getpid()} {polite}"


def _fake_programs(folder: Path) -> None:
    """The journal speaks; of systemd a probe learns nothing."""
    (folder / "bin").mkdir()
    said = {
        "journalctl": f'exec {sys.executable} -IS {JOURNALCTL} "$@"',
        "systemctl": "exit 0",
        "uname": 'set -- $SSH_CONNECTION; echo "$3"',
    }
    for name, words in said.items():
        _program(folder, name, words)


def _await_port(made: Machines) -> None:
    end = time.monotonic() + 10
    while True:
        try:
            create_connection((made.at, made.port)).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)  # it tells nobody when it listens
        else:
            return


def silence(folder: Path, count: int) -> None:
    """Give the first machines journals of `BEFORE` lines, each in a file, and no more to come."""
    shutil.copy(SILENT, folder / "bin" / "journalctl")
    (folder / "journals").mkdir()
    for machine in map(address, range(count)):
        lines = b"".join(record(machine, line) for line in range(BEFORE))
        (folder / "journals" / machine).write_bytes(lines)


def identify(folder: Path, count: int) -> None:
    """Give the first machines a /etc/machine-id each; else they all have that of this one."""
    (folder / "ids").mkdir()
    for number in range(count):
        (folder / "ids" / address(number)).write_text(f"{machine_id(number)}\n")
    _program(
        folder,
        "cat",
        '[ "$1" = /etc/machine-id ] || exec /bin/cat "$@"\n'
        f"set -- $SSH_CONNECTION\nexec /bin/cat {folder}/ids/$3",
    )


def keep_starting(folder: Path) -> None:
    """Have systemd say of each unit that it is just starting."""
    states = "LoadState=loaded\\nActiveState=activating\\nSubState=start"
    _program(
        folder,
        "systemctl",
        'while [ "$1" != -- ]; do shift; done\nshift\n'
        f"for unit; do printf 'Id=%s\\n{states}\\n\\n' \"$unit\"; done",
    )


def _program(folder: Path, name: str, words: str) -> None:
    program = folder / "bin" / name
    program.write_text(f"#!/bin/sh\n{words}\n")
    program.chmod(0o755)


def user() -> str:
    """Who logs in: sshd lets nobody else in but whoever runs it."""
    return os.environ.get("USER") or "root"


def _quietly(*argv: str) -> None:
    subprocess.run(argv, stdout=subprocess.DEVNULL, check=True)
