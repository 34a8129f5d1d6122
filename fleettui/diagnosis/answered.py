"""What stands out in the answers of all machines: a rule need not look through a thousand of them
for the one that tells it something.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping

import msgspec

from fleettui.diagnosis.reading import Reading
from fleettui.diagnosis.signals import Said
from fleettui.model.kept import kept_for_same
from fleettui.model.untrusted import Untrusted

Readings = Mapping[Untrusted, Reading]
"""By machine ID; of every machine that answered."""


class Answered(msgspec.Struct, frozen=True):
    """The machines of which a rule may have something to say, in the order of their answers."""

    said: Mapping[Said, frozenset[Untrusted]]
    """Those whose journal holds a line of a kind."""
    with_templates: Readings
    outdated: Readings
    """Those with a unit whose file systemd does not know, or knows in an older form."""
    noisy: Readings
    """Those whose watches end far more often than they should."""
    shared_ids: frozenset[Untrusted]
    """The /etc/machine-id that more than one host has."""


@kept_for_same
def answered(readings: Readings) -> Answered:
    """Worked out once for each batch of answers; most views of a cluster come between two."""
    said: defaultdict[Said, set[Untrusted]] = defaultdict(set)
    for machine_id, reading in readings.items():
        for kind in reading.signals.said:
            said[kind].add(machine_id)
    own_ids = Counter(reading.facts.reported_id for reading in readings.values())
    return Answered(
        said={kind: frozenset(machines) for kind, machines in said.items()},
        with_templates={m: r for m, r in readings.items() if r.templates},
        outdated={m: r for m, r in readings.items() if r.outdated},
        noisy={m: r for m, r in readings.items() if r.noise.is_dense},
        shared_ids=frozenset(own for own, hosts in own_ids.items() if own.raw and hosts > 1),
    )
