"""Units that wait for a machine, and why, for as many as can be told in time."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from fleettui.diagnosis.scheduling import Placement, explain_each
from fleettui.model.cluster import Snapshot
from fleettui.model.untrusted import Untrusted

ENGINE = timedelta(seconds=10)
"""An engine places a unit within 2 s, and a new leader takes over within 10 s."""
MOST = 20
"""Units that are explained; where more wait the reason is one of the cluster, not of each."""


def placements_of(
    names: Sequence[Untrusted], snapshot: Snapshot, known: Mapping[Untrusted, Placement]
) -> Mapping[Untrusted, Placement]:
    """The placements of the first of these units, by name; `known` ones are still true.

    Where nothing changed that a scheduler looks at, nothing is worked out anew: it takes seconds
    in a cluster of a thousand machines.
    """
    wanted = sorted(names)[:MOST]
    new = [name for name in wanted if name not in known]
    found = dict(known)
    if new:
        found |= zip(new, explain_each([snapshot.units[n] for n in new], snapshot), strict=True)
    return {name: found[name] for name in wanted}
