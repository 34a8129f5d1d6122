"""What somebody with our credentials could do to etcd, found out by GET alone.

etcd v2 tells nobody but root what a role may do. So the role that `observer-setup` prints may read
one path that no other role has any reason to read and where nothing lies: whoever is let in there,
and is not let in everywhere, has that role.
"""

import json
from collections.abc import Callable

from fleettui.access import RegistryUnavailable
from fleettui.model.rights import Could, Rights
from fleettui.model.untrusted import Untrusted
from fleettui.registry.answers import Answer

MARK = "/_fleettui.observer"
"""The path that only an observer's role may read."""

_DENIED = {401, 403}

Get = Callable[[str], Answer]
"""Asks for one path. Raises RegistryUnavailable."""


def find_rights(get: Get) -> Rights:
    """How far etcd's own fence reaches. Raises RegistryUnavailable."""
    switch = get("/v2/auth/enable")
    if switch.status == 404:
        return _could("this etcd has no users (it is older than 2.1): anybody may write")
    if switch.status != 200 or not _is_enabled(switch):
        words = "etcd asks nobody who they are: anybody may write"
        return _could(words) if switch.status == 200 else _unknown(switch)
    if get("/v2/auth/roles").status == 200:
        return _could("this is etcd's root, or somebody with all its rights")
    whole, mark = get("/v2/keys/").status, get(f"/v2/keys{MARK}").status
    if whole not in _DENIED:
        return Rights(
            Could.UNKNOWN,
            Untrusted("this user may read all of etcd, as guest may; what more, only root can see"),
        )
    if mark == 404:
        words = (
            "etcd lets this user read the folders of fleet and fleettui, by observer-setup's role"
        )
        return Rights(Could.FENCED, Untrusted(words))
    words = "this user's role is not the one of observer-setup; what it may, only root can see"
    return Rights(Could.UNKNOWN, Untrusted(words))


def _could(why: str) -> Rights:
    return Rights(Could.WRITE, Untrusted(why))


def _unknown(answer: Answer) -> Rights:
    words = f"{answer.endpoint} does not say whether it asks for passwords (status {answer.status})"
    return Rights(Could.UNKNOWN, Untrusted(words))


def _is_enabled(answer: Answer) -> bool:
    """Raises RegistryUnavailable for what is no answer of etcd's."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError) as wrong:
        raise RegistryUnavailable(
            f"{answer.endpoint} is no etcd: {Untrusted(str(wrong))}"
        ) from wrong
    return not (isinstance(found, dict) and found.get("enabled") is False)
