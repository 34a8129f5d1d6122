"""Frozen values of ours as plain JSON values, and back: checked against their types, never trusted.

Text may hold what JSON has no word for (lone surrogates); the standard library writes it all the
same, and mappings here have keys that are no text. So neither is left to a library for speed.
"""

import dataclasses
import types
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from fleettui.model.untrusted import Untrusted, visible

T = TypeVar("T")
_KIND = "is"
"""Names the class of a value that could be of several."""


def plain(value: object) -> Any:
    """A value as JSON knows it. Raises TypeError for one that has no such form."""
    match value:
        case Untrusted():
            return value.raw
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case datetime():
            return value.isoformat()
        case Mapping():
            return [[plain(key), plain(inner)] for key, inner in value.items()]
        case Sequence():
            return [plain(inner) for inner in value]
    kind: Any = type(value)
    if _is_ours(kind):
        fields = {f: plain(getattr(value, f)) for f in _fields(kind) if _says(value, f)}
        return {_KIND: kind.__name__, **fields}
    raise TypeError(f"{type(value).__name__} is not recorded")


def restored(kind: Any, found: object) -> Any:
    """The value of a type from its plain form. Raises ValueError for what is none."""
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        return _one_of(get_args(kind), found)
    if origin is not None and issubclass(origin, Mapping):
        key, inner = get_args(kind)
        pairs = [_list(pair) for pair in _list(found)]
        return types.MappingProxyType({restored(key, p[0]): restored(inner, p[1]) for p in pairs})
    if origin is not None and issubclass(origin, Sequence):
        return _sequence(get_args(kind), _list(found))
    if kind is Untrusted:
        return Untrusted(_of(str, found))
    if kind is str:  # text of ours is shown as it is, and whoever wrote the file need not be us
        return visible(_of(str, found))
    if kind is datetime:
        return _time(found)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(found)
    if _is_ours(kind):
        return _dataclass(kind, _of(dict, found))
    return _of(type(None) if kind is None else kind, found)


def _one_of(kinds: tuple[Any, ...], found: object) -> Any:
    if found is None and type(None) in kinds:
        return None
    kinds = tuple(kind for kind in kinds if kind is not type(None))
    if len(kinds) > 1:
        name = found.get(_KIND) if isinstance(found, dict) else None
        kinds = tuple(kind for kind in kinds if kind.__name__ == name)
    if not kinds:
        raise ValueError("a value of no known kind")
    return restored(kinds[0], found)


def _sequence(kinds: tuple[Any, ...], found: list[Any]) -> tuple[Any, ...]:
    if len(kinds) == 2 and kinds[1] is not Ellipsis:
        first, second = found
        return restored(kinds[0], first), restored(kinds[1], second)
    return tuple(restored(kinds[0], inner) for inner in found)


def _dataclass(kind: Any, found: dict[str, Any]) -> Any:
    hints = _hints(kind)
    try:
        given = {
            name: restored(hints[name], found[name]) for name in _fields(kind) if name in found
        }
        return kind(**given)
    except (TypeError, KeyError, IndexError, AttributeError) as wrong:
        raise ValueError(f"a {kind.__name__} that is none: {wrong}") from wrong


def _of(kind: type[T], found: object) -> T:
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        raise ValueError(f"{kind.__name__} expected, not {type(found).__name__}")
    return found


def _list(found: object) -> list[Any]:
    return _of(list, found)


def _time(found: object) -> datetime:
    time = datetime.fromisoformat(_of(str, found))
    if time.tzinfo is None:
        raise ValueError("a time without its zone")
    return time


def _says(value: Any, name: str) -> bool:
    """Whether a field says more than its default."""
    return bool(getattr(value, name) != _defaults(value.__class__).get(name, dataclasses.MISSING))


def _is_ours(kind: Any) -> bool:
    """Whether it is made of named fields: a dataclass, or a struct where there are many of them."""
    return dataclasses.is_dataclass(kind) or hasattr(kind, "__struct_fields__")


@cache
def _fields(kind: Any) -> tuple[str, ...]:
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind) if field.init)
    return tuple(kind.__struct_fields__)


@cache
def _defaults(kind: Any) -> dict[str, object]:
    if dataclasses.is_dataclass(kind):
        return {f.name: f.default for f in dataclasses.fields(kind)}
    return {f.name: f.default for f in msgspec.structs.fields(kind)}


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
