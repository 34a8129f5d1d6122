"""What the scripts that keep, remove and restore files do and print, on a machine's own files.

Whoever calls them holds the lock of the machine.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fleettui.demo.files import Entry, Files, Kind, file, link

Said = tuple[str, ...]
"""The lines of an answer."""


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of a unit folder, what it must be, and where it is kept."""

    folder: str
    name: str
    kind: str
    """`file` or `link`."""
    want: str
    """A file's sha256, or where a link must point."""
    quarantine: str
    token: str

    @property
    def path(self) -> str:
        """Absolute, on the machine."""
        return f"{self.folder}/{self.name}"

    def kept(self, nth: int) -> str:
        """The name of the nth that is kept, from 1."""
        return f"{self.token}.{self.kind}" if nth == 1 else f"{self.token}.{nth}.{self.kind}"


def check_quarantine(files: Files, quarantine: str, refusal: str) -> Said:
    """QUARANTINE_SCRIPT, where `refusal` is what stands against keeping anything."""
    if refusal:
        return "refused", refusal
    files.folders.setdefault(quarantine, {})
    return ("writable",)


def remove(files: Files, place: Place) -> Said:
    """REMOVE_SCRIPT."""
    if place.folder not in files.folders:
        return "refused", f"cannot enter {place.folder}"
    entry = files.look(place.folder, place.name)
    if entry is None:
        return ("absent",)
    found = _look(entry, place)
    if found != "as-expected":
        return "refused", f"{place.path} is {found}"
    names = (place.kept(nth) for nth in range(1, 101))
    kept = next((n for n in names if files.look(place.quarantine, n) is None), None)
    if kept is None:
        last = f"{place.quarantine}/{place.kept(100)}"
        return "refused", f"{last} and all before it are there already"
    files.remove(place.folder, place.name)
    files.put(place.quarantine, kept, entry)
    return "removed", f"{place.quarantine}/{kept}"


def restore(files: Files, place: Place, owned: tuple[str, str], stdin: bytes) -> Said:
    """RESTORE_SCRIPT; `owned` are a mode and an owner as it gets them."""
    if place.folder not in files.folders:
        return "refused", f"cannot enter {place.folder}"
    there = files.look(place.folder, place.name)
    if there is not None:
        if not _is_wanted(there, place):
            return "refused", f"another {place.path} is there"
        _drop_links(files, place)
        return ("present",)
    if place.kind == "link":
        files.put(place.folder, place.name, link(place.want))
        _drop_links(files, place)
        return ("restored",)
    entry = _taken_back(files, place) or file(stdin)
    if not _is_wanted(entry, place):
        files.folders.setdefault(place.quarantine, {})
        nothing = f"nothing in {place.quarantine} nor what was sent has sha256 {place.want}"
        return "refused", nothing
    uid, _, gid = owned[1].partition(":")
    content = entry.content
    files.put(
        place.folder,
        place.name,
        Entry(Kind.FILE, content, int(owned[0], 8), int(uid), int(gid)),
    )
    return ("restored",)


def _taken_back(files: Files, place: Place) -> Entry | None:
    """The first of the kept files that is still what is wanted; it is kept no longer."""
    for name, entry in _kept(files, place):
        if _is_wanted(entry, place):
            files.remove(place.quarantine, name)
            return entry
    return None


def _drop_links(files: Files, place: Place) -> None:
    for name, entry in _kept(files, place):
        if place.kind == "link" and _is_wanted(entry, place):
            files.remove(place.quarantine, name)


def _kept(files: Files, place: Place) -> Sequence[tuple[str, Entry]]:
    """What is kept under any number, in the order of their names."""
    named = re.compile(rf"{re.escape(place.token)}(\.[0-9][0-9]?)?\.{place.kind}")
    found = files.folders.get(place.quarantine, {}).items()
    return sorted((n, e) for n, e in found if named.fullmatch(n))


def _is_wanted(entry: Entry, place: Place) -> bool:
    if place.kind == "link":
        return entry.kind is Kind.LINK and _target(entry) == place.want
    return entry.kind is Kind.FILE and entry.sha256 == place.want


def _look(entry: Entry, place: Place) -> str:
    if place.kind == "link":
        if entry.kind is not Kind.LINK:
            return "not a symbolic link"
        return "as-expected" if _target(entry) == place.want else f"a link to {_target(entry)}"
    if entry.kind is not Kind.FILE:
        return "a symbolic link" if entry.kind is Kind.LINK else "not a regular file"
    if entry.links != 1:
        return "a file with more than one hard link"
    wanted = entry.sha256 == place.want
    return "as-expected" if wanted else f"a file with sha256 {entry.sha256}"


def _target(entry: Entry) -> str:
    return entry.content.decode("utf-8", "surrogateescape")
