"""Plans as JSON, for the record: all that is needed to show one again and to go on with it."""

from dataclasses import fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Action
from fleettui.repair.planning.plan import Plan

_ACTIONS: dict[str, type] = {kind.__name__: kind for kind in get_args(Action)}
_TAG = "do"
"""Beside the fields of an action: which one it is."""


def as_json(plan: Plan) -> dict[str, Any]:
    """A plan as an object that `json.dumps` takes; remote text is in it byte for byte."""
    return _object(plan)


def from_json(data: object) -> Plan:
    """The plan that `as_json` wrote. Raises ValueError for anything else."""
    plan = _decoded(Plan, data)
    if not isinstance(plan, Plan):
        raise ValueError("no plan")
    return plan


def action_as_json(action: Action) -> dict[str, Any]:
    """One action, as an intent of the record holds it."""
    return _object(action)


def action_from_json(data: object) -> Action:
    """The action that `action_as_json` wrote. Raises ValueError for anything else."""
    action: Action = _decoded(Action, data)
    return action


def _encoded(value: object) -> Any:
    match value:
        case Untrusted(raw=raw):
            return raw
        case Enum():
            return value.value
        case tuple():
            return [_encoded(item) for item in value]
        case None | bool() | int() | str():
            return value
        case _:
            return _object(value)


def _object(value: Any) -> dict[str, Any]:
    made = {name: _encoded(getattr(value, name)) for name in _fields(type(value))}
    return {_TAG: type(value).__name__, **made} if type(value).__name__ in _ACTIONS else made


def _decoded(hint: Any, data: object) -> Any:
    """A value of the annotated type `hint`. Raises ValueError."""
    if hint is Untrusted:
        return Untrusted(_plain(str, data))
    if get_origin(hint) is UnionType:
        return _one_of(get_args(hint), data)
    if get_origin(hint) is tuple:
        return _tuple(get_args(hint), data)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return hint(data)
    if is_dataclass(hint) or hasattr(hint, "__struct_fields__"):
        return _made(hint, data)
    return _plain(hint, data)


def _plain(kind: type, data: object) -> Any:
    if type(data) is not kind:
        raise ValueError(f"{data!r:.100} is no {kind.__name__}")
    return data


def _one_of(choices: tuple[Any, ...], data: object) -> Any:
    if data is None and NoneType in choices:
        return None
    kinds = [kind for kind in choices if kind is not NoneType]
    if len(kinds) == 1:
        return _decoded(kinds[0], data)
    tag = _plain(dict, data).get(_TAG)
    if tag not in _ACTIONS:
        raise ValueError(f"{tag!r:.100} is no action")
    return _decoded(_ACTIONS[tag], data)


def _tuple(hints: tuple[Any, ...], data: object) -> tuple[Any, ...]:
    items = _plain(list, data)
    if hints[-1] is Ellipsis:
        return tuple(_decoded(hints[0], item) for item in items)
    return tuple(_decoded(hint, item) for hint, item in zip(hints, items, strict=True))


def _made(kind: Any, data: object) -> Any:
    given, hints = _plain(dict, data), get_type_hints(kind)
    values = {name: _decoded(hints[name], given[name]) for name in _fields(kind) if name in given}
    try:
        return kind(**values)
    except TypeError as missing:
        raise ValueError(f"{kind.__name__}: {missing}") from missing


def _fields(kind: Any) -> tuple[str, ...]:
    if is_dataclass(kind):
        return tuple(field.name for field in fields(kind))
    names: tuple[str, ...] = kind.__struct_fields__
    return names
