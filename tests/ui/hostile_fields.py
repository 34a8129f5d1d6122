"""The remote fields that there are, by their types, and those of them that a test fills."""

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, get_args, get_type_hints

from hostile_app import left_record, operator, question, watching

from fleettui import access, model
from fleettui.diagnosis import finding
from fleettui.model.untrusted import Untrusted
from fleettui.repair.records import past, reported
from fleettui.repair.records.past import read_past
from fleettui.repair.records.reported import report_of

_MODEL = (f"fleettui.model.{module.name}" for module in iter_modules(model.__path__))
_MODULES = (*map(importlib.import_module, _MODEL), access, finding, past, reported)


def remote_fields() -> set[str]:
    """`Class.field` of everything whose type says that it holds remote text."""
    classes = {c for m in _MODULES for c in vars(m).values() if inspect.isclass(c)}
    ours = [c for c in classes if is_dataclass(c) and c.__module__.startswith("fleettui.")]
    return {f"{c.__name__}.{n}" for c in ours for n, h in get_type_hints(c).items() if _holds(h)}


def _holds(hint: Any) -> bool:
    return hint is Untrusted or any(_holds(inner) for inner in get_args(hint))


def filled_fields(payload: str, folder: Path) -> set[str]:
    """`Class.field` of everything in which the hostile app shows `payload`."""
    records = [left_record(folder, payload), left_record(folder, payload, "a", prefix=payload)]
    repairs = [read_past(path) for path in records]
    given = (operator(payload), watching(payload), question(payload), *repairs)
    found: set[str] = set()
    for value in (*given, *map(report_of, repairs)):
        _fill(value, Untrusted(payload), found)
    return found


def _fill(value: object, bad: Untrusted, found: set[str]) -> bool:
    """Whether the text is somewhere within a value, each place of it noted."""
    if isinstance(value, Untrusted):
        return bad.raw in value.raw
    if isinstance(value, Mapping):
        return _fill([part for pair in value.items() for part in pair], bad, found)
    if isinstance(value, tuple | list):
        return sum(_fill(part, bad, found) for part in value) > 0  # each, or its fields stay unseen
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if _fill(getattr(value, field.name), bad, found):
                found.add(f"{type(value).__name__}.{field.name}")
    return False
