"""What a process that runs ahead makes of the first read: first the snapshot, in pieces, then the
answers that it was made of, from which whoever follows goes on.
"""

from collections.abc import Iterator

import msgspec

from fleettui.registry.carried import carried
from fleettui.registry.cluster_id import ClusterId
from fleettui.registry.head_start import HeadStart
from fleettui.registry.image import Image
from fleettui.registry.keys import JOB, STATES, Keys
from fleettui.registry.source import open_sources


def found(begun: HeadStart, keys: Keys) -> Iterator[bytes]:
    """What `fleettui.registry.taken` takes: whatever answer is there is decoded while the rest is
    waited for. Raises Missed.
    """
    (source,) = open_sources((begun.url,), keys, ClusterId())
    image, answers = Image(keys), {}
    for part, raw in begun.each():
        answers[part] = raw
        for _, reading in source.taken_ahead([(part, raw)], begun.asked_at):
            image.load_folder(part, reading.node, reading.index)
        if part not in (JOB, STATES):
            image.decode_all_but_units()  # while the largest are waited for
    yield from carried(image.snapshot(begun.asked_at))
    yield msgspec.msgpack.encode(answers)
