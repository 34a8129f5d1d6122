"""A command's settings, made when the command needs them: some need none, and must run anyway."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
from msgspec.structs import replace

from fleettui.cli.config_file import config_path, read_config
from fleettui.cli.fleetctl import api_endpoint
from fleettui.cli.keys import PASSWORD_VARIABLE
from fleettui.cli.resolve import Given, Sources, looks_of, observe_of, resolve
from fleettui.cli.session import Settings
from fleettui.model.secret import Secret


def taken_environment() -> Mapping[str, str]:
    """All variables, once: no program that is started later is handed the password among them."""
    variables = dict(os.environ)
    os.environ.pop(PASSWORD_VARIABLE, None)
    return MappingProxyType(variables)


class SettingsSource:
    """What the command line was given, and from which settings can be made."""

    def __init__(self, given: Given, record: Path | None = None) -> None:
        """`record` is where the console's session is recorded; None = nowhere."""
        self.given, self.record = given, record
        self._environment = taken_environment()

    def refuse_record(self, command: str) -> None:
        """For a command that opens no console. Raises click.UsageError."""
        if self.record is not None:
            raise click.UsageError(f"--record goes with the console; {command} opens none.")

    def sources(self) -> Sources:
        """Flags, variables, config file. Raises click.UsageError."""
        try:
            return Sources(self.given, self._environment, read_config(config_path()))
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    def resolved(self) -> Settings:
        """The settings as they stand, without asking anybody. Raises click.UsageError."""
        try:
            return resolve(self.sources())
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    def settings(self) -> Settings:
        """The settings of a session: what is missing is asked for. Raises click.UsageError."""
        settings = self.resolved()
        not_obeyed = api_endpoint(self._environment)
        if not_obeyed and settings.origins["endpoint"] != "--endpoint":
            click.echo(f"fleettui: {not_obeyed}", err=True)
        return _with_password(settings)

    def looks(self) -> dict[str, Any]:
        """What the screen is to look like: `theme` and `ascii`. Raises click.UsageError."""
        try:
            return looks_of(self.sources())
        except ValueError as error:
            raise click.UsageError(str(error)) from error

    def is_observer(self) -> bool:
        """Whether anybody wants this session to change nothing, whatever else is set.

        Raises click.UsageError.
        """
        try:
            return observe_of(self.sources()).value is True
        except ValueError as error:
            raise click.UsageError(str(error)) from error


def _with_password(settings: Settings) -> Settings:
    if settings.etcd_username is None or settings.etcd_password is not None:
        return settings
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError(
            f"etcd's user {settings.etcd_username} needs a password: name a file that holds it "
            "with --etcd-password-file, or set FLEETTUI_ETCD_PASSWORD."
        )
    text = click.prompt(
        f"Password of etcd's user {settings.etcd_username}", hide_input=True, err=True
    )
    return replace(settings, etcd_password=Secret(text))
