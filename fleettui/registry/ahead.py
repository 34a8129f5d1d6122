"""The first read of a registry, sent before anybody follows: beside this process, or within it.

Whoever sends it has loaded next to nothing yet, so that nothing is imported here that sending does
without: what is made of it is in `fleettui.registry.found`.
"""

from collections.abc import Iterable
from contextlib import suppress
from functools import partial

from fleettui.registry.endpoints import checked_endpoints
from fleettui.registry.forerunner import Begun, Forerunner, can_run
from fleettui.registry.head_start import HeadStart
from fleettui.registry.keys import PARTS, Keys, keys_under
from fleettui.registry.open import MAX_ANSWER
from fleettui.registry.pace import pace_of
from fleettui.registry.settings import RegistrySettings
from fleettui.registry.way import STRAIGHT, way_of

_DECODED_WITHIN = 10.0
"""Seconds that decoding may take, beside all that loads a screen."""


def send_ahead(settings: RegistrySettings) -> Begun | None:
    """Send the first read now, and have it decoded, for a reader that is made later.

    None where it takes more than plain HTTP. Raises ValueError for a bad endpoint or prefix.
    """
    first, *_ = checked_endpoints(settings.endpoints)
    if not first.startswith("http://") or way_of(settings) != STRAIGHT:
        return None
    return begin(first, keys_under(settings.prefix), pace_of(settings).find_within)


def begin(url: str, keys: Keys, seconds: float) -> Begun:
    """Ask for all folders now; the answers have to come within `seconds`."""
    if can_run():
        with suppress(OSError):
            find = partial(_find, url, keys, seconds)
            return Forerunner(find, seconds=seconds + _DECODED_WITHIN)
    return _asked(url, keys, seconds)


def _asked(url: str, keys: Keys, seconds: float) -> HeadStart:
    """Through the quorum, over connections of nobody else's."""
    targets = {part: f"{keys.path(part)}?quorum=true&recursive=true" for part in PARTS}
    return HeadStart(url, targets, seconds=seconds, limit=MAX_ANSWER)


def _find(url: str, keys: Keys, seconds: float) -> Iterable[bytes]:
    """What a process of its own does: it loads what decodes while etcd works."""
    begun = _asked(url, keys, seconds)
    from fleettui.registry.found import found

    return found(begun, keys)
