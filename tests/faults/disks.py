"""Small filesystems that fill up: a tmpfs in a mount namespace, which ends with its program."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

UNSHARE = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)))
_MOUNTED = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"'


@cache
def may_mount() -> bool:
    """Whether a filesystem may be mounted here, where nobody else sees it."""
    argv = (*UNSHARE, "mount", "-t", "tmpfs", "none", "/mnt")
    return bool(shutil.which("unshare")) and subprocess.run(argv, check=False).returncode == 0


def on_a_small_disk(folder: Path, options: str, argv: Sequence[str]) -> tuple[str, ...]:
    """The argv of a program for which `folder` is a tmpfs of its own; `options` are mount's."""
    return (*UNSHARE, "sh", "-c", _MOUNTED, "sh", options, str(folder), *argv)


def fill_up(folder: str) -> str:
    """Shell text that leaves no byte free where `folder`, as a shell reads it, is."""
    return f'head -c 10000000 /dev/zero > "{folder}/big" 2>/dev/null || true'


def use_up_inodes(folder: str) -> str:
    """Shell text that leaves no inode free there."""
    return f'n=0; while touch "{folder}/n$n" 2>/dev/null; do n=$((n + 1)); done'
