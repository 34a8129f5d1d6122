"""The virtual files of a machine: fleet's folder, systemd's, and wherever they are moved."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS


class Kind(StrEnum):
    """find's letters for what a name is."""

    FILE = "f"
    LINK = "l"
    FOLDER = "d"


@dataclass(frozen=True, slots=True)
class Entry:
    """A name in a folder."""

    kind: Kind
    content: bytes = b""
    """A file's bytes, or where a link points."""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    links: int = 1

    @property
    def size(self) -> int:
        """Bytes as stat tells them; a folder's are those of a small tmpfs one."""
        return 60 if self.kind is Kind.FOLDER else len(self.content)

    @property
    def sha256(self) -> str:
        """Of the content, in hex; a link's content is where it points."""
        return hashlib.sha256(self.content).hexdigest()


def file(content: bytes, mode: int = 0o644) -> Entry:
    """A regular file of root's."""
    return Entry(Kind.FILE, content, mode)


def link(target: str) -> Entry:
    """A symbolic link."""
    return Entry(Kind.LINK, target.encode("utf-8", "surrogateescape"), 0o777)


def folder() -> Entry:
    """An empty folder."""
    return Entry(Kind.FOLDER, mode=0o755, links=2)


class Files:
    """Folders by path, entries by name. Whoever touches them holds the lock of their machine."""

    def __init__(self) -> None:
        self.folders: dict[str, dict[str, Entry]] = {FLEET_UNITS: {}, SYSTEMD_UNITS: {}}
        # cloud-config's drop-in for fleet, on every CoreOS machine.
        self.folders[SYSTEMD_UNITS]["fleet.service.d"] = folder()

    def look(self, path: str, name: str) -> Entry | None:
        """What lies in the folder `path`; None where nothing of that name does."""
        return self.folders.get(path, {}).get(name)

    def put(self, path: str, name: str, entry: Entry) -> None:
        """In place of what had the name; the folder is made if need be."""
        self.folders.setdefault(path, {})[name] = entry

    def remove(self, path: str, name: str) -> None:
        """Nothing of that name is no error."""
        self.folders.get(path, {}).pop(name, None)

    def resolve(self, name: str) -> bytes | None:
        """The unit file that systemd finds under `name`: a file, or a link to fleet's file."""
        found = self.look(SYSTEMD_UNITS, name)
        if found is None or found.kind is Kind.FOLDER:
            return None
        if found.kind is Kind.FILE:
            return found.content
        path, _, target = found.content.decode("utf-8", "surrogateescape").rpartition("/")
        there = self.look(path, target)
        return there.content if there is not None and there.kind is Kind.FILE else None
