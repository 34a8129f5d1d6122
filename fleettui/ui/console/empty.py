"""What a table without rows says: why it is empty, and what to do next; pure."""

from fleettui.model.cluster import Link
from fleettui.ui.picture import Picture

_LOADING = {
    "machines": "asking the registry ...",
    "units": "asking the registry ...",
    "findings": "nothing is known yet",
}
_LOST = {
    "machines": "The registry has not answered yet; it is asked again by itself.\n"
    "ctrl+r asks now. Wrong address? q, then fleettui --endpoint URL",
    "units": "Units are known once the registry was read.",
    "findings": "nothing is known: neither registry nor machines could be asked",
}
_NONE = {
    "machines": "No machine has joined this cluster.\n"
    "Is fleetd running there, with this etcd and --etcd-key-prefix?",
    "units": "No unit is in the registry.\nfleetctl submit NAME.service brings one.",
    "findings": "nothing is wrong, as far as this was checked",
}


def empty_words(table: str, picture: Picture) -> str:
    """For `machines`, `units` or `findings`; lines are parted by newlines."""
    if picture.snapshot is not None:
        return _NONE[table]
    return (_LOST if picture.view.link is Link.LOST else _LOADING)[table]
