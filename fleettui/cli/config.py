"""`fleettui config`: every effective value, and where it came from."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from fleettui.cli.keys import KEYS, OBSERVE, OBSERVE_VARIABLE, PASSWORD_VARIABLE
from fleettui.cli.resolve import Sources
from fleettui.cli.session import Settings
from fleettui.cli.source import SettingsSource
from fleettui.model.place import AddressMap
from fleettui.model.secret import MASK, Secret
from fleettui.model.untrusted import visible

SCHEMA = "fleettui.config/1"
_PASSWORD = "etcd_password"  # noqa: S105 - the name of a setting


class Effective(msgspec.Struct, frozen=True):
    """One setting as it counts."""

    key: str
    value: object
    """Of JSON: text, a number, true or false, null, a list or an object; secrets are masked."""
    origin: str
    option: str | None
    variables: tuple[str, ...]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def config(source: SettingsSource, *, as_json: bool) -> None:
    """Print every setting as it counts, and where it came from. Passwords are masked.

    The strongest source wins: option, FLEETTUI_* variable, variable of fleetctl, profile of the
    config file, config file, default. Exit status: 0, or 2 for a setting that is wrong.
    """
    settings, sources = source.resolved(), source.sources()
    write = _json if as_json else _text
    click.echo(write(settings, sources))


def effective(settings: Settings) -> Iterator[Effective]:
    """All of them, in the order of the help."""
    for key in KEYS:
        value = _plain(getattr(settings, key.field))
        origin = settings.origins.get(key.name, "default")
        yield Effective(key.name, value, origin, key.flag, tuple(key.variables))
        if key.name == "etcd_password_file":
            secret = _plain(settings.etcd_password)
            origin = settings.origins.get(_PASSWORD, "default")
            yield Effective(_PASSWORD, secret, origin, None, (PASSWORD_VARIABLE,))
    origin = settings.origins.get(OBSERVE, "default")
    yield Effective(OBSERVE, settings.observe, origin, "--observe", (OBSERVE_VARIABLE,))


def _plain(value: object) -> object:
    """A value as JSON has it."""
    match value:
        case Secret():
            return MASK
        case AddressMap():
            return {rule.key: str(rule.place) for rule in value.rules}
        case tuple():
            return [_plain(part) for part in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return str(value)


def _json(settings: Settings, sources: Sources) -> str:
    document = {
        "schema": SCHEMA,
        "file": str(sources.config.path),
        "file_is_there": sources.config.path.is_file(),
        "profile": settings.profile or None,
        "profile_from": sources.profile.origin or None,
        "settings": [
            {
                "key": one.key,
                "value": one.value,
                "from": one.origin,
                "option": one.option,
                "variables": list(one.variables),
            }
            for one in effective(settings)
        ],
        "notes": list(settings.notes),
    }
    return json.dumps(document, indent=2)


def _text(settings: Settings, sources: Sources) -> str:
    """Columns as wide as what they hold, then notes."""
    path = sources.config.path
    rows = [("SETTING", "VALUE", "FROM"), *map(_row, effective(settings))]
    widths = [max(len(row[n]) for row in rows) for n in range(2)]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in rows]
    profile = f"{settings.profile} ({sources.profile.origin})" if settings.profile else "none"
    there = "" if path.is_file() else " (there is none)"
    return "\n".join(
        [*lines, "", f"config file: {visible(str(path))}{there}", f"profile: {profile}"]
        + [f"note: {note}" for note in settings.notes]
    )


def _row(one: Effective) -> tuple[str, str, str]:
    match one.value:
        case None:
            value = "-"
        case bool():
            value = str(one.value).lower()
        case list():
            value = ", ".join(map(str, one.value)) or "-"
        case dict():
            value = ", ".join(f"{key}={place}" for key, place in one.value.items()) or "-"
        case _:
            value = str(one.value)
    return one.key, visible(value), visible(_short(one.origin))


def _short(origin: str) -> str:
    home = str(Path.home())
    return origin.replace(f"{home}/", "~/") if home != "/" else origin
