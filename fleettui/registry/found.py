"""What a process that runs ahead makes of the first read: first the snapshot, in pieces, then the
answers that it was made of, from which whoever follows goes on.
"""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from fleettui.registry.carried import Rows, StateRow, carried
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.head_start import HeadStart, RawAnswer
from fleettui.registry.image import Image
from fleettui.registry.keys import JOB, STATES, UNIT, Keys
from fleettui.registry.ordinary import ordinary_jobs, ordinary_states
from fleettui.registry.source import open_sources
from fleettui.registry.tree import Folder, unopened


def found(begun: HeadStart, keys: Keys) -> Iterator[bytes]:
    """What `fleettui.registry.taken` takes: whatever answer is there is decoded while the rest is
    waited for. Raises Missed.

    Most units go straight from what was read into rows: to make each, and to take it apart again,
    would be a fifth of all that is done here.
    """
    (source,) = open_sources((begun.url,), keys, ClusterId())
    image, rows, answers = Image(keys), Rows(), {}
    folders: dict[str, Folder] = {JOB: {}, STATES: {}}
    for part, raw in _files_first(begun.each()):
        answers[part] = raw
        ((_, reading),) = source.taken_ahead([(part, raw)], begun.asked_at)
        if part not in folders:
            image.load_folder(part, reading.node, reading.index)
            image.decode_all_but_units()
            continue
        image.indexes[part] = reading.index
        folder = folders[part] = unopened(reading.node.nodes if reading.node is not None else ())
        if part == JOB:
            rows.jobs.update(ordinary_jobs(folder, image.files, rows.number))
        else:
            rows.states |= ordinary_states(folder, rows.number, _row)
    names = rows.names
    for part, folder in folders.items():
        image.load_unopened(part, {name: folder[name] for name in folder.keys() - names})
    yield from carried(image.snapshot(begun.asked_at), rows)
    yield msgspec.msgpack.encode({part: replace(raw, body=b"") for part, raw in answers.items()})
    for raw in answers.values():
        yield raw.body


def _files_first(answers: Iterable[tuple[str, RawAnswer]]) -> Iterator[tuple[str, RawAnswer]]:
    """As they come, but jobs after the unit files that they name."""
    jobs, has_files = None, False
    for part, raw in answers:
        if part == JOB and not has_files:
            jobs = raw
            continue
        yield part, raw
        has_files = has_files or part == UNIT
        if has_files and jobs is not None:
            yield JOB, jobs
            jobs = None


def _row(*fields: int) -> StateRow:
    return fields
