"""Unit files, read the way fleet reads them (a port of go-systemd's unit deserializer)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from fleettui.model.untrusted import Untrusted

_TRUE = frozenset({"1", "yes", "y", "true", "t", "on"})
_PULL = re.compile(r"(?:^|/)(?:docker|rkt|podman)\s+(?:\S+\s+)*?(?:pull|fetch)\s+(?P<rest>.*)")


@dataclass(frozen=True)
class UnitFile:
    """The text of a unit file and its options in order; options may repeat."""

    raw: Untrusted

    @cached_property
    def options(self) -> tuple[tuple[str, str, str], ...]:
        """(section, name, value) of each option, in the order of the file."""
        return tuple(_options(self.raw.raw))

    def values(self, section: str, name: str) -> tuple[str, ...]:
        """All values of an option, in order."""
        return tuple(v for s, n, v in self.options if s == section and n == name)

    @cached_property
    def is_global(self) -> bool:
        """`Global=true` in `[X-Fleet]`: a copy on every eligible machine. The last line counts."""
        values = self.values("X-Fleet", "Global")
        return bool(values) and values[-1].lower() in _TRUE

    @cached_property
    def image_pulls(self) -> tuple[str, ...]:
        """Commands that pull an image before the unit starts: they prolong every restart."""
        return tuple(
            value
            for value in self.values("Service", "ExecStartPre")
            if _PULL.search(value.lstrip("-@+!"))
        )


def _options(text: str) -> Iterator[tuple[str, str, str]]:
    section = ""
    for line in _logical_lines(text):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
            continue
        name, equals, value = line.partition("=")
        if equals and section:
            yield section, name.strip(), value.strip()


def _logical_lines(text: str) -> Iterator[str]:
    """Lines with continuations joined by a space and comments and blank lines left out."""
    pending = ""
    for physical in text.splitlines():
        line = physical.strip() if not pending else physical.rstrip()
        if not pending and (not line or line[0] in "#;"):
            continue
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        yield (pending + line).strip()
        pending = ""
    if pending:
        yield pending.strip()
