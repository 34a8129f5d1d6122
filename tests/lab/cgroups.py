"""Control groups for machines of the lab, one a machine, in each hierarchy that systemd uses."""

from pathlib import Path

from .shell import wait_until


class ControlGroup:
    """A group of one name under every root; nspawn puts the machine's own tree into it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.folders = tuple(root / name for root in _roots())

    def make(self) -> None:
        for folder in self.folders:
            folder.mkdir(parents=True, exist_ok=True)

    def freeze(self) -> None:
        """Keep every process of the group from running until `thaw`."""
        self._switch("cgroup.freeze", "1")

    def thaw(self) -> None:
        self._switch("cgroup.freeze", "0")

    def kill(self) -> None:
        """End every process of the group at once."""
        self._switch("cgroup.kill", "1")

    def remove(self) -> None:
        """End what still runs in there, then remove the group and all below it."""
        self.kill()
        wait_until(self._is_gone, f"the control group {self._name} to go", within=15)

    def _switch(self, name: str, value: str) -> None:
        for folder in self.folders:
            if (folder / name).exists():  # the older hierarchy has no such files
                (folder / name).write_text(value)

    def _is_gone(self) -> bool:
        for top in self.folders:
            for folder in sorted(top.rglob("*/"), reverse=True):
                _remove(folder)
            _remove(top)
        return not any(top.exists() for top in self.folders)


def _remove(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:  # still in use: looked at again until the deadline
        return


def _roots() -> list[Path]:
    """Where cgroup2 and systemd's own hierarchy of cgroup1 are mounted."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [
        Path(where)
        for _, where, kind, options, *_ in mounts
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(","))
    ]
