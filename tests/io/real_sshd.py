"""OpenSSH's own server for tests, on loopback, with a configuration and keys of its own."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import asyncssh

from fleettui.demo.etcd import free_port

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
MISSING = f"there is no {SSHD}: install openssh-server"
USER = getpass.getuser()
"""Who logs in: an sshd that is not root's takes nobody else."""

_CONFIG = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile none
UsePAM no
StrictModes no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
AuthorizedKeysFile {folder}/authorized
LogLevel DEBUG1
MaxStartups 50
{more}
"""


def is_there() -> bool:
    return Path(SSHD).is_file()


class RealSshd:
    """One sshd; it ends with `close`, and with the test's process."""

    def __init__(self, folder: Path, more: str = "") -> None:
        folder.mkdir()
        self.port = free_port("127.0.0.1")
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self._folder = folder
        self.host_key.write_private_key(str(folder / "host_key"))
        (folder / "host_key").chmod(0o600)
        (folder / "authorized").write_text("")
        (folder / "config").write_text(_CONFIG.format(port=self.port, folder=folder, more=more))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where sshd gives up its rights
        self._log = (folder / "log").open("wb")
        self.begin()

    def begin(self) -> None:
        """Start it, anew or again, without waiting for it."""
        self._process = subprocess.Popen(
            (SSHD, "-D", "-e", "-f", str(self._folder / "config")),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )

    def kill(self) -> None:
        """SIGKILL to it and to all its connections."""
        serving = _children_of(self._process.pid)
        self._process.kill()
        self._process.wait()
        _kill(serving)

    def hang_up(self) -> None:
        """SIGKILL to what serves its connections."""
        _kill(_children_of(self._process.pid))

    def wait(self) -> None:
        """Until it takes connections."""
        deadline = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.02)  # sshd tells nobody when it listens

    def authorize(self, *lines: str) -> None:
        """Who may log in, as lines of authorized_keys."""
        (self._folder / "authorized").write_text("".join(f"{line}\n" for line in lines))

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def forwarded_to(self, port: int) -> int:
        """How many connections it has forwarded to a port of loopback."""
        return self.log.count(f"target 127.0.0.1 port {port}\n")

    @property
    def known_host(self) -> str:
        """The line of a known_hosts file that knows it."""
        return f"[127.0.0.1]:{self.port} {self.public_host_key}\n"

    @property
    def public_host_key(self) -> str:
        return self.host_key.export_public_key().decode().strip()

    def close(self) -> None:
        if self._process.poll() is None:
            self.hang_up()
            self._process.terminate()
        self._process.wait()
        self._log.close()


def _children_of(parent: int) -> list[int]:
    """Process IDs, from the kernel's own list of them."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(word) for word in listed.split()]


def _kill(processes: list[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
