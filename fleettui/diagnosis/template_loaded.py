"""What a machine shows of a template that was loaded without its instance."""

from collections.abc import Iterable, Iterator

from fleettui.diagnosis.finding import Evidence, Source
from fleettui.diagnosis.lines import QUIET, Loop, loops_in
from fleettui.model.host import (
    FLEET_SERVICE,
    FLEET_UNITS,
    SYSTEMD_UNITS,
    EntryKind,
    FolderEntry,
    HostFacts,
)
from fleettui.model.names import is_template
from fleettui.model.untrusted import Untrusted

__all__ = ["FAULT", "QUIET", "is_leftover", "machine_evidence"]

FAULT = "template-loaded"


def machine_evidence(
    facts: HostFacts, loops: Iterable[Loop] | None = None
) -> Iterator[tuple[Untrusted, Evidence]]:
    """What one machine shows: template files of fleet, links to them, the loop in its journal.

    `loops` are those of its journal, where they are known already.
    """
    for path in (FLEET_UNITS, SYSTEMD_UNITS):
        folder = facts.folders.get(path)
        for entry in folder.entries.values() if folder else ():
            if is_leftover(path, entry):
                yield entry.name, _file_evidence(facts.machine_id, path, entry)
    for loop in loops_in(facts.journal) if loops is None else loops:
        if loop.goes_on(facts.clock):
            yield loop.unit, _loop_evidence(facts.machine_id, loop)


def is_leftover(folder: str, entry: FolderEntry) -> bool:
    """A template in fleet's folder, or a link to one in systemd's (dangling or not).

    Other templates in systemd's folder are none of fleet's business.
    """
    if "@." not in entry.name.raw or not is_template(entry.name.raw):
        return False
    if folder == FLEET_UNITS:
        return True
    target = entry.target.raw if entry.target else ""
    return entry.kind is EntryKind.LINK and target.startswith(f"{FLEET_UNITS}/")


def _file_evidence(machine_id: Untrusted, path: str, entry: FolderEntry) -> Evidence:
    what = f"link to {entry.target.raw}" if entry.target else f"{entry.kind}, {entry.size} bytes"
    where = Untrusted(f"{path}/{entry.name.raw}")
    return Evidence(Source.FILE, where, Untrusted(what), machine_id)


def _loop_evidence(machine_id: Untrusted, loop: Loop) -> Evidence:
    since = f"{'' if loop.whole else 'before '}{loop.first_at:%H:%M:%S}"
    where = Untrusted(f"{FLEET_SERVICE}, {loop.count} lines since {since}")
    return Evidence(Source.JOURNAL, where, loop.line, machine_id, loop.cursor, loop.last_at)
