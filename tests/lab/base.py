"""The Debian folder that all machines of the lab share, made once by debootstrap."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .shell import LabBroken, run

SUITE = "bookworm"
PACKAGES = (
    "dbus",
    "iproute2",
    "openssh-server",
    "python3",  # for the stand-in of fleetd; its standard library is all that it needs
    "sudo",
    "systemd-sysv",
)
FINISH = r"""
set -eu
useradd --create-home --shell /bin/bash --groups systemd-journal --password '*' core
install -d -o core -g core -m 700 /home/core/.ssh
echo 'core ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/core
systemctl enable systemd-networkd.service ssh.service
systemctl mask console-getty.service apt-daily.timer apt-daily-upgrade.timer \
  dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service systemd-logind.service
rm -f /etc/machine-id /etc/ssh/ssh_host_* /var/cache/apt/archives/*.deb /var/lib/apt/lists/*_*
rm -rf /dev/*
"""
"""What every machine of the lab has in common, run inside the new folder. Its devices go last:
nspawn makes its own, and a copy of the repository must not read /dev/zero to the end."""


def lab_folder() -> Path:
    """Where the lab keeps what outlives a run: `$FLEETTUI_LAB_DIR`, or `.lab` in the repository."""
    chosen = os.environ.get("FLEETTUI_LAB_DIR")
    return Path(chosen) if chosen else Path(__file__).parents[2] / ".lab"


def base_folder() -> Path:
    """The base, made now if there is none of this recipe. Takes a minute then. Raises LabBroken."""
    if os.geteuid() != 0:
        raise LabBroken("the lab boots machines: it must be run as root")
    folder = lab_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "base.lock"):
        stamp = folder / "base.recipe"
        if not stamp.is_file() or stamp.read_text() != _recipe():
            stamp.unlink(missing_ok=True)
            _make(folder / "base")
            stamp.write_text(_recipe())
    return folder / "base"


def _make(base: Path) -> None:
    shutil.rmtree(base, ignore_errors=True)
    run(
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        SUITE,
        str(base),
        within=900,
    )
    run("chroot", str(base), "sh", "-c", FINISH)


def _recipe() -> str:
    return hashlib.sha256(repr((SUITE, PACKAGES, FINISH)).encode()).hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
