"""Every command that may be sent in order to read, as templates: fixed words, and what may vary.

The forced command of an observer's key is generated from the same templates.
"""

import re
from collections.abc import Sequence
from enum import Enum
from itertools import takewhile

import msgspec

from fleettui.commands.scripts import (
    COPY_SCRIPT,
    IMAGES_SCRIPT,
    JOURNAL_SCRIPT,
    PROBE_SCRIPT,
    RIGHTS_SCRIPT,
)
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, ChangeKind
from fleettui.model.names import UNIT_TYPES

MESSAGE_IDS = {
    "39f53479d3a045ac8e11786248231fbf": ChangeKind.STARTED,
    "7d4958e842da4a758f6c1cdc7b36dcc5": ChangeKind.STARTING,
    "9d1aaa27d60140bd96365438aad20286": ChangeKind.STOPPED,
    "de5b426a63be47a7b6ac3eaac82e2f6f": ChangeKind.STOPPING,
    "be02cf6855d2428ba40df7e9d022f03d": ChangeKind.FAILED,
}
"""What systemd's own lines say of a unit, by their MESSAGE_ID (sd-messages.h, since v38)."""


class Varying(msgspec.Struct, frozen=True):
    """A word that varies, such as `--lines=N`."""

    characters: str
    """What it is made of, as between the brackets of a pattern of Python's and of a shell's."""
    begins: str = ""
    """What stands before that."""
    ends: tuple[str, ...] = ()
    """How it ends, in one of these ways; empty = anyhow."""
    never_first: str = ""
    """Characters it does not begin with, written as in `characters`."""
    longest: int = 255
    """Characters, without `begins`."""

    def takes(self, word: str) -> bool:
        """Whether this is such a word."""
        if not word.startswith(self.begins):
            return False
        rest = word.removeprefix(self.begins)
        return (
            re.fullmatch(f"[{self.characters}]{{1,{self.longest}}}", rest) is not None
            and not (self.never_first and re.match(f"[{self.never_first}]", rest))
            and (not self.ends or rest.endswith(self.ends))
        )


Word = str | Varying


class Slot(msgspec.Struct, frozen=True):
    """A place in a command, for words of some kinds."""

    kinds: tuple[Word, ...]
    least: int = 1
    most: int = 1

    def takes(self, word: str) -> bool:
        """Whether a word is one of the fixed ones, or of a kind that may stand here."""
        return any(word == k if isinstance(k, str) else k.takes(word) for k in self.kinds)


class Form(msgspec.Struct, frozen=True):
    """How a command is made: its first words as they are, and the places of all others.

    No word fits into two slots that follow each other, so there is one way to read a command.
    """

    head: tuple[str, ...]
    slots: tuple[Slot, ...] = ()

    def problem(self, arguments: Sequence[str]) -> str | None:
        """Why these cannot be its arguments; None where they can."""
        left = list(arguments)
        for slot in self.slots:
            taken = len([*takewhile(slot.takes, left[: slot.most])])
            if taken < slot.least:
                return f"{left[0]!r} does not belong there" if left else "a word is missing"
            left = left[taken:]
        return f"{left[0]!r} does not belong there" if left else None


MANY = 100_000
"""More words than any command has: the length of the whole is what is bounded, by the kernel."""
UNIT = Varying(r"A-Za-z0-9:_.\\@-", ends=tuple(f".{kind}" for kind in UNIT_TYPES), never_first=".-")
_TIME = r"A-Za-z0-9\ :+@.,_/-"
_DIGITS = "0-9"
SINCE = Varying(_TIME, "--since=", longest=64)
_OPTIONS = (
    "-f",
    "-a",
    "--no-tail",
    Varying(_DIGITS, "--lines=", longest=9),
    SINCE,
    Varying(_TIME, "--until=", longest=64),
    Varying("0-9-", "--boot=", longest=9),
    Varying(r"A-Za-z0-9=\;:_.-", "--cursor=", longest=1024),
)


def _script(text: str, name: str) -> tuple[str, ...]:
    return ("sh", "-c", text, name)


class ReadTemplate(Enum):
    """All there is to send a machine without changing it."""

    PROBE = Form(
        _script(PROBE_SCRIPT, "fleettui-probe"), (Slot((SINCE,), 0), Slot((UNIT,), 0, MANY))
    )
    COPY = Form(
        _script(COPY_SCRIPT, "fleettui-copy"), (Slot((FLEET_UNITS, SYSTEMD_UNITS)), Slot((UNIT,)))
    )
    IMAGES = Form(_script(IMAGES_SCRIPT, "fleettui-images"))
    RIGHTS = Form(_script(RIGHTS_SCRIPT, "fleettui-rights"))
    UNIT_CHANGES = Form(
        ("journalctl", "-o", "json", "--no-pager"),
        (
            Slot((Varying(_DIGITS, "--since=@", longest=19),)),
            *(Slot((word,)) for word in ("_PID=1", *(f"MESSAGE_ID={i}" for i in MESSAGE_IDS))),
        ),
    )
    JOURNAL = Form(
        (*_script(JOURNAL_SCRIPT, "fleettui-journal"), "-u"),
        (
            Slot((UNIT,)),
            *(Slot((word,)) for word in ("-o", "json", "--no-pager")),
            Slot(_OPTIONS, 0, MANY),
        ),
    )


class ReadCommand(msgspec.Struct, frozen=True):
    """A command that leaves the machine as it is: one of the templates, with fitting arguments.

    Raises ValueError for any other: no text of somebody's own becomes a command.
    """

    template: ReadTemplate
    arguments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        why = self.template.value.problem(self.arguments)
        if why is not None:
            raise ValueError(f"no command is made to read ({self.template.name.lower()}): {why}")

    @property
    def argv(self) -> tuple[str, ...]:
        """All its words."""
        return (*self.template.value.head, *self.arguments)


def is_time(words: str) -> bool:
    """Whether these may be sent as a time in journalctl's words; what it makes of them it says."""
    return SINCE.takes(f"--since={words}")
