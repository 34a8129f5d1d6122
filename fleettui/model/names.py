"""Unit names as fleet and systemd read them."""

import re

UNIT_TYPES = ("service", "socket", "timer", "path", "device", "mount", "automount")
"""Suffixes fleet takes (fleet unit/unit.go)."""

_SAFE = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}")


def is_template(name: str) -> bool:
    """Whether `name` is a template without its instance, such as `foo@.service`."""
    stem, dot, kind = name.rpartition(".")
    return bool(dot) and kind in UNIT_TYPES and stem.endswith("@") and stem.count("@") == 1


def template_of(name: str) -> str | None:
    """The template that an instance comes from, or None: `foo@1.service` -> `foo@.service`."""
    stem, dot, kind = name.rpartition(".")
    prefix, at, instance = stem.partition("@")
    return f"{prefix}@{dot}{kind}" if dot and at and instance and prefix else None


def refusal(name: str) -> str | None:
    """Why fleettui will not act on a unit of this name, or None if it will.

    What fleet itself would refuse can be seen and diagnosed, but never becomes part of a path, an
    etcd key or a command.
    """
    if not _SAFE.fullmatch(name):
        return "it holds characters that no systemd unit name has"
    if name in {".", ".."} or name.startswith((".", "-")):
        return "it starts like a hidden file, a folder or an option"
    if name.rpartition(".")[2] not in UNIT_TYPES:
        return f"it does not end in one of .{', .'.join(UNIT_TYPES)}"
    return None
