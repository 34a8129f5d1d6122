"""Kinds of settings: what the config file may hold, how text becomes it, and what is expected."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from fleettui.hosts.settings import SudoMode, parse_tunnel
from fleettui.model.place import AddressMap, parse_rule
from fleettui.registry.endpoints import checked_endpoints
from fleettui.registry.keys import keys_under

Texts = tuple[str, ...]
"""What a flag was given, once or several times, or the one text of a variable."""

_YES = frozenset({"1", "t", "true", "y", "yes", "on"})
_NO = frozenset({"0", "f", "false", "n", "no", "off"})


class Kind(msgspec.Struct, frozen=True):
    """One kind of value."""

    expects: str
    """What a value must be, as the end of a sentence."""
    toml: Any
    """What msgspec is to expect in the config file."""
    of_texts: Callable[[Texts], object]
    """Texts as the config file would hold them. Raises ValueError."""
    refine: Callable[[Any], object] = lambda value: value
    """The value itself. Raises ValueError with what is wrong."""
    is_path: bool = False

    def read_texts(self, texts: Texts) -> object:
        """Raises ValueError with what is wrong."""
        try:
            raw = msgspec.convert(self.of_texts(texts), self.toml)
        except ValueError as error:  # msgspec's own are among them
            shown = ", ".join(map(repr, texts))
            raise ValueError(f"expected {self.expects}, not {shown}") from error
        return self.refine(raw)


def _last(texts: Texts) -> str:
    return texts[-1]


def _split(texts: Texts) -> list[str]:
    return [part for text in texts for part in text.replace(",", " ").split()]


def _whole(texts: Texts) -> object:
    return msgspec.convert(_last(texts), int, strict=False)


def _number(texts: Texts) -> object:
    return msgspec.convert(_last(texts), float, strict=False)


def _yes_or_no(texts: Texts) -> bool:
    word = _last(texts).strip().lower()
    if word not in _YES | _NO:
        raise ValueError(word)
    return word in _YES


def _pairs(texts: Texts) -> dict[str, str]:
    pairs = [text.rpartition("=") for text in _split(texts)]
    if any(not key for key, _, _ in pairs):
        raise ValueError("no =")
    return {key: place for key, _, place in pairs}


def _endpoints(given: str | Sequence[str]) -> tuple[str, ...]:
    return checked_endpoints(_split((given,) if isinstance(given, str) else tuple(given)))


def _paths(given: str | Sequence[str]) -> tuple[Path, ...]:
    paths = [given] if isinstance(given, str) else given
    return tuple(_readable(path) for path in paths)


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{text!r}: there is no home folder of that name") from error


def _readable(text: str) -> Path:
    """A file that must be there."""
    path = _expanded(text)
    try:
        is_there, is_file = path.exists(), path.is_file()
    except OSError as error:  # such as a name that is too long
        raise ValueError(f"{text!r} cannot be looked at: {error.strerror}") from error
    if not is_file:
        raise ValueError(f"{text!r} is no file" if is_there else f"{text!r} does not exist")
    if not os.access(path, os.R_OK):
        raise ValueError(f"{text!r} cannot be read by you")
    return path


def _word(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError(f"{text!r} is no name")
    return text


def _addresses(given: Mapping[str, str]) -> AddressMap:
    return AddressMap(tuple(parse_rule(key, place) for key, place in given.items()))


_LIST = str | list[str]

NAME = Kind("a name", str, _last, _word)
ENDPOINTS = Kind("addresses of etcd, such as http://10.0.0.1:2379", _LIST, _split, _endpoints)
PREFIX = Kind(
    "a folder of etcd, such as /_coreos.com/fleet/", str, _last, lambda p: keys_under(p).prefix
)
PORT = Kind("a whole number from 1 to 65535", Annotated[int, msgspec.Meta(ge=1, le=65535)], _whole)
SECONDS = Kind(
    "a number of seconds from 0.5 to 300",
    Annotated[float, msgspec.Meta(ge=0.5, le=300)],
    _number,
    float,
)
SWITCH = Kind("true or false", bool, _yes_or_no)
FILE = Kind("a path", str, _last, _expanded, is_path=True)
READABLE = Kind("a path of a file", str, _last, _readable, is_path=True)
READABLES = Kind(
    "paths of files",
    _LIST,
    lambda texts: [part for text in texts for part in text.split(os.pathsep) if part],
    _paths,
    is_path=True,
)
TUNNEL = Kind("[USER@]HOST[:PORT]", str, _last, parse_tunnel)
SUDO = Kind(" or ".join(SudoMode), SudoMode, _last)
THEME = Kind("auto, dark, light or ansi", Literal["auto", "dark", "light", "ansi"], _last)
ADDRESSES = Kind("MACHINE=HOST[:PORT] or KEY=VALUE=HOST[:PORT]", dict[str, str], _pairs, _addresses)
