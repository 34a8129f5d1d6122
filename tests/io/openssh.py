"""A real OpenSSH server on loopback that lets one key in, as whoever runs the tests."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncssh

from fleettui.demo.etcd import free_port

WITHIN = 20.0
"""Seconds that it may take to listen."""


def find_sshd() -> str | None:
    """OpenSSH's server, where this system has it."""
    return shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


class OpenSsh:
    """One server, with a folder for its keys and files."""

    def __init__(self, program: str, folder: Path, path: str) -> None:
        """`path` is where the programs of those who log in are looked for."""
        self.user = getpass.getuser()
        self.port = free_port("127.0.0.1")
        self.key = folder / "id_ed25519"
        self.authorized = folder / "authorized_keys"
        self.log = folder / "log"
        client, host = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        for name, key in ((self.key, client), (folder / "host_key", host)):
            name.touch(mode=0o600)
            key.write_private_key(str(name))
        self.public_key = client.export_public_key().decode().strip()
        self.known_host = f"[127.0.0.1]:{self.port} {host.export_public_key().decode().strip()}\n"
        config = {
            "ListenAddress": "127.0.0.1",
            "Port": str(self.port),
            "HostKey": str(folder / "host_key"),
            "AuthorizedKeysFile": str(self.authorized),
            "PidFile": "none",
            "StrictModes": "no",
            "UsePAM": "no",
            "PasswordAuthentication": "no",
            "KbdInteractiveAuthentication": "no",
            "PermitRootLogin": "prohibit-password",
            "Subsystem": "sftp internal-sftp",
            "SetEnv": f"PATH={path}",
        }
        lines = "".join(f"{name} {value}\n" for name, value in config.items())
        (folder / "config").write_text(lines)
        self._argv = (program, "-D", "-e", "-f", str(folder / "config"))
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # it wants one to lock itself into
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(self._argv, stdin=subprocess.DEVNULL, stderr=log)
        end = time.monotonic() + WITHIN
        while not self._listens():
            ended = self._process.poll()
            assert ended is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)  # sshd tells nobody when it listens
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
