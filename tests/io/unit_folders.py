"""The folders of a machine in a temporary place, and the scripts run on them by real shells."""

import hashlib
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from fleettui.commands.scripts import QUARANTINE_SCRIPT, REMOVE_SCRIPT, RESTORE_SCRIPT

SHELLS = [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)]
BUSYBOX = ["busybox sh"] if shutil.which("busybox") else []
"""A shell that brings its own coreutils along."""
TEXT = b"[Service]\nExecStart=/bin/sleep 1000\n"
SHA = hashlib.sha256(TEXT).hexdigest()
NAME = "foo@.service"
TOKEN = "20261122-1-foo"


def run(
    shell: str,
    script: str,
    args: Sequence[str | Path],
    env: Mapping[str, str] = os.environ,
    stdin: bytes = b"",
) -> subprocess.CompletedProcess[bytes]:
    """What a shell makes of a script; `shell` may hold more than one word."""
    argv = [*shlex.split(shell), "-c", script, "fleettui-test", *map(str, args)]
    return subprocess.run(argv, capture_output=True, env=env, timeout=30, check=False, input=stdin)


class UnitFolders:
    """fleet's folder, systemd's folder and a quarantine; `root` is a path without links."""

    def __init__(self, root: Path, shell: str) -> None:
        self.shell = shell
        self.fleet, self.systemd = root / "fleet", root / "systemd"
        self.quarantine = root / "fleettui" / "quarantine"
        self.bin = root / "bin"
        self.is_meddled_with = False
        """Whether programs may complain: what was there is gone at the next look."""
        for folder in (self.fleet, self.systemd, self.bin):
            folder.mkdir()
        self.file, self.link = self.fleet / NAME, self.systemd / NAME
        self.file.write_bytes(TEXT)
        self.link.symlink_to(self.file)

    def remove_file(self, name: str = NAME, sha256: str = SHA, folder: Path | None = None) -> str:
        return self.remove(folder or self.fleet, name, "file", sha256)

    def remove_link(self, name: str = NAME) -> str:
        return self.remove(self.systemd, name, "link", self.fleet / name)

    def remove(self, folder: Path, name: str, kind: str, want: str | Path) -> str:
        return self.answer(REMOVE_SCRIPT, (folder, name, kind, want, self.quarantine, TOKEN))

    def restore_file(
        self,
        content: bytes = b"",
        *,
        name: str = NAME,
        sha256: str = SHA,
        folder: Path | None = None,
        mode: str = "0644",
    ) -> str:
        owner = f"{os.getuid()}:{os.getgid()}"
        place = (folder or self.fleet, name, "file", sha256, self.quarantine, TOKEN)
        return self.answer(RESTORE_SCRIPT, (*place, mode, owner), content)

    def restore_link(self, name: str = NAME) -> str:
        place = (self.systemd, name, "link", self.fleet / name, self.quarantine, TOKEN)
        return self.answer(RESTORE_SCRIPT, (*place, "", ""))

    def check_quarantine(self) -> str:
        args = (self.quarantine, TOKEN, self.fleet, self.systemd)
        return self.answer(QUARANTINE_SCRIPT, args)

    def kept(self, kind: str = "file", nth: str = "") -> Path:
        """Where something removed lies; `nth` is such as `2.` for the second of its name."""
        return self.quarantine / f"{TOKEN}.{nth}{kind}"

    def stub(self, program: str, text: str) -> None:
        """Put a program of that name before the real one."""
        if self.shell in BUSYBOX:
            pytest.skip("busybox runs its own programs, whatever the path says")
        path = self.bin / program
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def answer(self, script: str, args: Sequence[str | Path], stdin: bytes = b"") -> str:
        """What a script prints; it always ends well."""
        env = os.environ | {"PATH": f"{self.bin}:{os.environ['PATH']}"}
        ran = run(self.shell, script, args, env, stdin)
        assert ran.returncode == 0, ran
        assert self.is_meddled_with or not ran.stderr, ran
        return ran.stdout.decode()
