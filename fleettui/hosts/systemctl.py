"""What `systemctl show` prints, read."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta

from fleettui.model.host import ServiceFacts
from fleettui.model.untrusted import Untrusted

_ENTERED = {
    "active": "ActiveEnterTimestampMonotonic",
    "reloading": "ActiveEnterTimestampMonotonic",
    "inactive": "InactiveEnterTimestampMonotonic",
    "failed": "InactiveEnterTimestampMonotonic",
}
"""The property that says since when a unit is in its active state."""


def read_services(
    shown: str, wanted: Collection[str], booted: datetime
) -> Mapping[Untrusted, ServiceFacts]:
    """The units of `systemctl show`, under the names they were asked by.

    `booted` is when the machine's monotonic clock began. A unit that answers to no wanted name is
    kept under its own.
    """
    services = {}
    for properties in _blocks(shown):
        own = properties.get("Id", "")
        names = [n for n in {own, *properties.get("Names", "").split()} if n in wanted]
        for name in names or ([own] if own else []):
            services[Untrusted(name)] = _service(name, properties, booted)
    return services


def said_besides(shown: str) -> Untrusted | None:
    """The lines that are no property: systemctl's complaints."""
    lines = [line for line in shown.split("\n") if line and "=" not in line]
    return Untrusted(" ".join(lines)) if lines else None


def _blocks(shown: str) -> Iterator[Mapping[str, str]]:
    """One mapping a unit: `Name=value` lines between empty ones; anything else is no property."""
    for block in shown.split("\n\n"):
        pairs = (line.partition("=") for line in block.split("\n"))
        properties = {name: value for name, equals, value in pairs if equals}
        if properties:
            yield properties


def _service(name: str, properties: Mapping[str, str], booted: datetime) -> ServiceFacts:
    active = properties.get("ActiveState", "")
    return ServiceFacts(
        name=Untrusted(name),
        load=Untrusted(properties.get("LoadState", "")),
        active=Untrusted(active),
        sub=Untrusted(properties.get("SubState", "")),
        main_pid=_number(properties.get("MainPID", "")),
        needs_daemon_reload=properties.get("NeedDaemonReload") == "yes",
        job=_number(properties.get("Job", "")),
        fragment_path=Untrusted(properties.get("FragmentPath", "")),
        since=_since(properties.get(_ENTERED.get(active, ""), ""), booted),
    )


def _since(monotonic: str, booted: datetime) -> datetime | None:
    """`monotonic` in microseconds since boot; 0 means never."""
    microseconds = _number(monotonic)
    try:
        return booted + timedelta(microseconds=microseconds) if microseconds else None
    except OverflowError:
        return None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
