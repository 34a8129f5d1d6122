"""The lines of a repair's script that run something: on the machine, or about a key of etcd."""

import shlex
from collections.abc import Iterator
from urllib.parse import quote

from fleettui.model.names import refusal
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.plan import Plan
from fleettui.repair.planning.stake import UnitAtStake

Lines = Iterator[str]
FAILED = " || stop 'it failed on the machine, or ssh did: see above'"
_END = "COMMAND"
"""Ends a command in the script; no line of a command is this word."""


def checked(text: str) -> str:
    """Text that a command line can hold. Raises ValueError."""
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError(f"no command line can hold {Untrusted(text)}")
    return text


class Shell:
    """What every line of one plan's script is made with; `prefix` is where fleet keeps its keys."""

    def __init__(self, plan: Plan, prefix: str) -> None:
        self.plan = plan
        self.prefix = "".join(f"/{quote(s, safe='')}" for s in prefix.split("/") if s)
        self.actable: tuple[UnitAtStake, ...] = tuple(
            unit for unit in plan.at_stake if refusal(unit.name.raw) is None
        )
        """The units at stake that can be asked about by their names."""

    def run(self, command: str, otherwise: str = FAILED, into: str = "") -> Lines:
        """A command as the machine's shell gets it, unquoted: what is shown is what runs."""
        yield f"on_machine{into} <<'{_END}'{otherwise}"
        yield from self._text(command)

    def captured(self, variable: str, command: str, otherwise: str = FAILED) -> Lines:
        """The same, with what it prints in a variable."""
        yield f"{variable}=$(on_machine <<'{_END}'"
        yield from self._text(command)
        yield f"){otherwise}"

    def _text(self, command: str) -> Lines:
        if _END in command.split("\n"):
            raise ValueError(f"no script is made: a line of a command is {_END}")
        yield checked(command)
        yield _END

    def job(self, unit: Untrusted, leaf: str) -> str:
        """The path of a unit's key under `job/`, quoted for the shell."""
        return self.key("job", unit.raw, leaf)

    def key(self, *segments: str) -> str:
        """The path of a key, quoted for the shell."""
        path = "".join(f"/{quote(checked(segment), safe='')}" for segment in segments)
        return shlex.quote(f"{self.prefix}{path}")
