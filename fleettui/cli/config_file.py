"""The config file: settings for all clusters, and profiles with those of one each."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
import msgspec
from platformdirs import user_config_path

from fleettui.cli.keys import BY_NAME, KEYS, OBSERVE, PROFILE
from fleettui.cli.kinds import SWITCH
from fleettui.model.untrusted import visible

_AT = re.compile(r"`\$\.(\w+)")
_UNKNOWN = re.compile(r"unknown field `(.*?)`", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")

_EXPECTS = {OBSERVE: SWITCH.expects, PROFILE: "the name of a profile"}


class BadConfig(ValueError):
    """The config file holds something wrong: the text names file, key and expectation."""


class Section(msgspec.Struct, frozen=True):
    """One table of the file, each value of the type that it must be."""

    where: str
    """For people: the file, and the profile."""
    raw: Mapping[str, Any] = MappingProxyType({})
    observe: bool = False

    def value(self, name: str) -> object:
        """The value of a key that is there, checked. Raises BadConfig."""
        kind, raw = BY_NAME[name].kind, self.raw[name]
        try:
            if kind.is_path:
                _need_absolute(raw)
            return kind.refine(raw)
        except ValueError as error:
            raise BadConfig(f"{self.where}: {name}: {visible(str(error))}") from error


class Config(msgspec.Struct, frozen=True):
    """The whole file; empty where there is none."""

    path: Path
    top: Section
    profiles: Mapping[str, Section] = MappingProxyType({})
    keys: Mapping[str, str] = MappingProxyType({})
    """Keys of the console by the name of what they do."""
    profile: str = ""
    """The profile that is used where none is asked for; "" = none."""

    def sections(self, asked: str = "") -> tuple[Section, ...]:
        """Those that count, the first first. Raises BadConfig for a profile that is not there."""
        name = asked or self.profile
        if not name:
            return (self.top,)
        if name not in self.profiles:
            known = ", ".join(sorted(self.profiles)) or "none"
            raise BadConfig(f"{self.path} has no profile {visible(name)!r}; it has: {known}")
        return (self.profiles[name], self.top)


def config_path() -> Path:
    """`fleettui/config.toml` in the user's config folder."""
    return user_config_path("fleettui") / "config.toml"


def read_config(path: Path) -> Config:
    """Every key and its type are checked, in profiles that are not used too. Raises BadConfig."""
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return Config(path, Section(str(path)))
    except OSError as error:
        raise BadConfig(f"{path} cannot be read: {error.strerror}") from error
    import tomllib  # most have no such file

    try:
        document = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # of numbers without end, not tomllib's own
        raise BadConfig(f"{path} is no TOML: {visible(str(error))}") from error
    return _config(path, document)


def profile_names(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """For shell completion: the profiles of the config file, nothing where it is broken."""
    try:
        profiles = read_config(config_path()).profiles
    except BadConfig:
        return []
    return [name for name in profiles if name.startswith(begun)]


@cache
def _profile_table() -> Any:
    """What `[profiles.NAME]` may hold: every key, and `observe`."""
    values = [(key.name, key.kind.toml | msgspec.UnsetType, msgspec.UNSET) for key in KEYS]
    fields = [*values, (OBSERVE, bool, False)]
    return msgspec.defstruct("ProfileTable", fields, forbid_unknown_fields=True)


@cache
def _top_table() -> Any:
    """What the file itself may hold besides: which profile is used, all of them, and keys."""
    fields = [
        (PROFILE, str, ""),
        ("profiles", dict[str, dict[str, Any]], {}),
        ("keys", dict[str, str], {}),
    ]
    return msgspec.defstruct("TopTable", fields, bases=(_profile_table(),))


def _config(path: Path, document: dict[str, Any]) -> Config:
    top = _table(document, _top_table(), str(path))
    profiles = {}
    for name, table in top.profiles.items():
        where = f"{path} [profiles.{visible(name)}]"
        if not _NAME.fullmatch(name):
            raise BadConfig(f"{where}: expected a name of letters, digits, '_', '.' and '-'")
        profiles[name] = _section(_table(table, _profile_table(), where), where)
    return Config(
        path,
        _section(top, str(path)),
        MappingProxyType(profiles),
        MappingProxyType(top.keys),
        top.profile,
    )


def _table(document: dict[str, Any], kind: type[Any], where: str) -> Any:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise BadConfig(f"{where}: {_wrong(str(error), document, kind)}") from error


def _wrong(said: str, document: Mapping[str, object], kind: type[Any]) -> str:
    """What msgspec found, with the key's name and what was expected of it."""
    unknown = _UNKNOWN.search(said)
    if unknown:
        import difflib

        known = list(kind.__struct_fields__)
        near = difflib.get_close_matches(unknown[1], known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
        return f"{visible(unknown[1])}: there is no such key; {hint}"
    at = _AT.search(said)
    name = at[1] if at else ""
    expects = BY_NAME[name].kind.expects if name in BY_NAME else _EXPECTS.get(name, "a table")
    return f"{name}: expected {expects}, not {visible(repr(document.get(name)))}"


def _section(table: Any, where: str) -> Section:
    values = {key.name: getattr(table, key.name) for key in KEYS}
    given = {name: value for name, value in values.items() if value is not msgspec.UNSET}
    return Section(where, MappingProxyType(given), table.observe)


def _need_absolute(raw: str | list[str]) -> None:
    for text in [raw] if isinstance(raw, str) else raw:
        if not text.startswith(("/", "~")):
            raise ValueError(f"expected a path that begins with / or ~, not {text!r}")
