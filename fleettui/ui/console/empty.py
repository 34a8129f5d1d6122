"""What a table without rows says: why it is empty, and what to do next; pure."""

from fleettui.model.cluster import Link
from fleettui.ui.picture import Picture

_LOADING = {
    "machines": "asking the registry ...",
    "units": "asking the registry ...",
    "findings": "nothing is known yet",
}
_LOST = {
    "machines": "The registry has not answered yet; it is asked again by itself.\nctrl+r asks now.",
    "units": "`fleettui doctor` looks at the way there hop by hop.",
    "findings": "nothing is known: neither registry nor machines could be asked",
}
_NONE = {
    "machines": "No machine has joined this cluster.\n"
    "Is fleetd running there, with this etcd and --etcd-key-prefix?",
    "units": "No unit is in the registry.\nfleetctl submit NAME.service brings one.",
    "findings": "nothing is wrong, as far as this was checked",
}


def empty_words(table: str, picture: Picture, advice: str = "") -> str:
    """For `machines`, `units` or `findings`; lines are parted by newlines.

    `advice` is what may be missing where etcd does not answer; the units' table has room for it.
    """
    if picture.snapshot is not None:
        return _NONE[table]
    if picture.view.link is not Link.LOST:
        return _LOADING[table]
    if table != "units":
        return _LOST[table]
    reason = str(picture.view.reason) if picture.view.reason else ""
    return "\n".join(part for part in (advice, reason, _LOST[table]) if part)
