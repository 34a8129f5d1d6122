"""Whose journals a pane shows: units of machines, and the words for them."""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from fleettui.model.cluster import Machine
from fleettui.model.host import FLEET_SERVICE, NEWEST, Span
from fleettui.model.untrusted import Untrusted

ETCD_SERVICE = "etcd.service"
SERVICES = (FLEET_SERVICE, ETCD_SERVICE, "etcd2.service")
"""Units that every machine may have and fleet does not manage; etcd was `etcd2` from 2015 on."""


class Source(msgspec.Struct, frozen=True):
    """One unit of one machine."""

    machine: Machine
    unit: str = FLEET_SERVICE

    @property
    def where(self) -> tuple[Untrusted, Untrusted]:
        """What makes it the same machine; its metadata may change."""
        return self.machine.id, self.machine.public_ip

    @property
    def place(self) -> tuple[Untrusted, Untrusted, str]:
        """What makes it the same journal."""
        return *self.where, self.unit


class Choice(msgspec.Struct, frozen=True):
    """All that a pane shows at a time."""

    sources: tuple[Source, ...] = ()
    span: Span = NEWEST
    as_root: bool = False

    @property
    def units(self) -> tuple[str, ...]:
        """Each once, in the order of the sources."""
        return tuple(dict.fromkeys(source.unit for source in self.sources))

    @property
    def machines(self) -> tuple[Machine, ...]:
        """One a source, so that several units of a machine name it several times."""
        return tuple(source.machine for source in self.sources)

    @property
    def words(self) -> str:
        """Such as `fleet.service on 172.17.8.101`."""
        if not self.sources:
            return "no machine"
        units = self.units
        what = units[0] if len(units) == 1 else f"{len(units)} units"
        count = len(self.sources)
        where = str(self.sources[0].machine.public_ip) if count == 1 else f"{count} machines"
        root = " as root" if self.as_root else ""
        boot = "" if self.span.boot is None else f", {boot_words(self.span.boot)}"
        return f"{what} on {where}{root}{boot}"


SINCE: Sequence[tuple[str, Span]] = (
    ("the newest 500 lines", NEWEST),
    ("the last minute", Span(None, "-1min")),
    ("the last 5 minutes", Span(None, "-5min")),
    ("the last 15 minutes", Span(None, "-15min")),
    ("the last hour", Span(None, "-1h")),
    ("the last day", Span(None, "-1d")),
    ("everything", Span(None)),
)
"""What the keys 0 to 6 show."""


def since_words(span: Span) -> str:
    """How far back is read, such as `since: the last hour`; empty for the newest lines and for
    the whole of a boot."""
    ever = replace(span, boot=None)
    if ever == NEWEST or (span.boot is not None and ever == Span(None)):
        return ""
    known = (words for words, one in SINCE if one == ever)
    return f"since: {next(known, span.since)}"


def boot_words(boot: int) -> str:
    """A boot counted as journalctl does."""
    if boot == 0:
        return "this boot"
    return "the boot before" if boot == -1 else f"{-boot} boots ago"
