"""Settings from flags, variables and the config file: which of them wins, and where it came from.

Flag, then FLEETTUI_*, then FLEETCTL_*, then the profile of the config file, then the file itself,
then the default. Of `observe` the strictest wins: no source undoes another.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec

from fleettui.cli.config_file import Config, Section
from fleettui.cli.fleetctl import ENDPOINT, answers, api_endpoint
from fleettui.cli.keys import (
    BY_NAME,
    KEYS,
    OBSERVE_VARIABLE,
    PASSWORD_VARIABLE,
    PROFILE_VARIABLE,
    Key,
)
from fleettui.cli.kinds import SWITCH, Texts
from fleettui.cli.session import DEFAULT, Settings
from fleettui.model.secret import Secret
from fleettui.model.untrusted import visible


class BadSetting(ValueError):
    """A setting is wrong: the text names where it stands and what was expected."""


class Given(msgspec.Struct, frozen=True):
    """What the command line was given."""

    flags: Mapping[str, Texts]
    """By key, only those that were given."""
    observe: bool = False
    profile: str = ""


class Chosen(msgspec.Struct, frozen=True):
    """One value, and where it came from: a flag, a variable, a place in the config file."""

    value: Any
    """As its kind has it."""
    origin: str


class Sources(msgspec.Struct, frozen=True):
    """All that settings are made from, the strongest first."""

    given: Given
    environment: Mapping[str, str]
    config: Config

    @property
    def sections(self) -> tuple[Section, ...]:
        """Raises BadConfig for a profile that is not there."""
        return self.config.sections(self.profile.value)

    @property
    def profile(self) -> "Profile":
        """Which one was asked for, by whom."""
        if self.given.profile:
            return Profile(self.given.profile, "--profile")
        asked = self.environment.get(PROFILE_VARIABLE, "")
        if asked:
            return Profile(asked, PROFILE_VARIABLE)
        return Profile(self.config.profile, str(self.config.path) if self.config.profile else "")


class Profile(msgspec.Struct, frozen=True):
    """A profile's name, "" where none is used, and who chose it."""

    value: str
    origin: str


def resolve(sources: Sources) -> Settings:
    """All settings. Raises BadSetting or BadConfig, which are ValueErrors."""
    chosen = {key.name: _choose(key, sources) for key in KEYS}
    observe = observe_of(sources)
    password = _password(chosen, sources.environment)
    origins = {name: choice.origin for name, choice in chosen.items()}
    origins |= {"observe": observe.origin, "etcd_password": password.origin}
    _fits_together(chosen, password)
    values = {key.field: chosen[key.name].value for key in KEYS}
    return Settings(
        **values,
        observe=observe.value,
        keys=sources.config.keys,
        etcd_password=password.value,
        origins=MappingProxyType(origins),
        profile=sources.profile.value,
        notes=tuple(answers(sources.environment)),
    )


def _choose(key: Key, sources: Sources) -> Chosen:
    texts = sources.given.flags.get(key.name)
    if texts is not None:
        return Chosen(_read(key, texts, key.flag), key.flag)
    for variable in _set_variables(key, sources.environment):
        text = sources.environment[variable]
        return Chosen(_read(key, (text,), variable), variable)
    for section in sources.sections:
        if key.name in section.raw:
            return Chosen(section.value(key.name), section.where)
    if key.name == "endpoint":
        _need_endpoint(sources)
    return Chosen(key.default, DEFAULT)


def _set_variables(key: Key, environment: Mapping[str, str]) -> Iterator[str]:
    """Those that count: an empty one is none, as for fleetctl, and its API is no etcd."""
    for variable in key.variables:
        if not environment.get(variable):
            continue
        if variable == ENDPOINT and api_endpoint(environment) is not None:
            continue
        yield variable


def _need_endpoint(sources: Sources) -> None:
    """Fleet's API alone is no reason to look for etcd on this very machine."""
    reason = api_endpoint(sources.environment)
    if reason is not None and _choose(BY_NAME["tunnel"], sources).value is None:
        raise BadSetting(reason)


def _read(key: Key, texts: Texts, where: str) -> object:
    try:
        return key.kind.read_texts(texts)
    except ValueError as error:
        raise BadSetting(f"{where}: {visible(str(error))}") from error


def looks_of(sources: Sources) -> dict[str, Any]:
    """What the demo takes of all settings. Raises BadSetting or BadConfig."""
    looks = {name: _choose(BY_NAME[name], sources).value for name in ("theme", "ascii")}
    return {**looks, "keys": sources.config.keys}


def observe_of(sources: Sources) -> Chosen:
    """On as soon as anybody says so. Raises BadSetting or BadConfig."""
    said = [("--observe", sources.given.observe)]
    variable = sources.environment.get(OBSERVE_VARIABLE, "")
    if variable:
        try:
            is_on = SWITCH.read_texts((variable,)) is True
        except ValueError as error:
            raise BadSetting(f"{OBSERVE_VARIABLE}: {visible(str(error))}") from error
        said.append((OBSERVE_VARIABLE, is_on))
    said += [(section.where, section.observe) for section in sources.sections]
    origins = [where for where, is_on in said if is_on]
    return Chosen(bool(origins), ", ".join(origins) or DEFAULT)


def _password(chosen: Mapping[str, Chosen], environment: Mapping[str, str]) -> Chosen:
    """From the variable, or from the file where that was named by something stronger or at all."""
    file = chosen["etcd_password_file"]
    if environment.get(PASSWORD_VARIABLE) and not file.origin.startswith("--"):
        return Chosen(Secret(environment[PASSWORD_VARIABLE]), PASSWORD_VARIABLE)
    if isinstance(file.value, Path):
        return Chosen(_secret_in(file.value, file.origin), f"{file.value} ({file.origin})")
    return Chosen(None, DEFAULT)


def _secret_in(path: Path, origin: str) -> Secret:
    """The first line of a file that only its owner may read. Raises BadSetting."""
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            line = stream.readline(4096)
        text = line.decode().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadSetting(f"{origin}: {path} cannot be read: {why}") from error
    if mode & 0o077:
        raise BadSetting(
            f"{origin}: {path} holds a password and others may use it (mode {mode:04o}); expected "
            f"a file of yours alone: chmod 600 {path}"
        )
    if not text:
        raise BadSetting(f"{origin}: {path} holds no password: its first line is empty")
    return Secret(text)


def _fits_together(chosen: Mapping[str, Chosen], password: Chosen) -> None:
    """What makes sense only together. Raises BadSetting."""
    for one, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if chosen[one].value is not None and chosen[other].value is None:
            raise BadSetting(f"{chosen[one].origin}: {one} without {other}; expected both")
    if password.value is not None and chosen["etcd_username"].value is None:
        raise BadSetting(f"{password.origin}: a password without etcd_username; expected both")
