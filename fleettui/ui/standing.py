"""Whether an observer merely chooses not to change anything, or is kept from it by the servers."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import msgspec
from textual.content import Content

from fleettui.model.rights import Could, Rights
from fleettui.model.untrusted import Untrusted
from fleettui.ui.paint import Tone, paint
from fleettui.ui.picture import Picture


class Standing(msgspec.Struct, frozen=True):
    """What the credentials of an observer could do, as far as the servers tell."""

    registry: Rights | None = None
    """None = not asked yet."""
    machines: Mapping[Untrusted, Rights] = MappingProxyType({})
    """By machine ID."""

    @property
    def word(self) -> str:
        """`by choice` as soon as one server would take a change; `by server` if none does."""
        known = [*self.machines.values(), *([self.registry] if self.registry else [])]
        if any(rights.could is Could.WRITE for rights in known):
            return "by choice"
        fenced = all(rights.could is Could.FENCED for rights in known)
        return "by server" if fenced and self.registry and self.machines else ""

    def with_machine(self, machine_id: Untrusted, rights: Rights) -> "Standing":
        """The standing after one more machine has answered."""
        machines = MappingProxyType({**self.machines, machine_id: rights})
        return msgspec.structs.replace(self, machines=machines)

    def lines(self, picture: Picture) -> Iterator[Content]:
        """Everything that is known, a line a server."""
        yield paint(("What these credentials could do", Tone.STRONG))
        yield paint("This session changes nothing; found out without trying to write.")
        yield paint("")
        yield _line("etcd", self.registry)
        for machine in picture.machines:
            yield _line(picture.named(machine.id), self.machines.get(machine.id))
        yield paint("")
        yield paint(_MEANING[self.word])


_MEANING = {
    "by choice": "OBSERVER BY CHOICE: other programs could change things with the same "
    "credentials. `fleettui observer-setup` prints what keeps them from it.",
    "by server": "OBSERVER BY SERVER: etcd and every machine refuse changes themselves.",
    "": "Whether the servers refuse changes is not known of all of them. "
    "`fleettui observer-setup` prints what makes sure of it.",
}
_TONES = {Could.WRITE: Tone.WARN, Could.FENCED: Tone.GOOD, Could.UNKNOWN: Tone.DIM}


def _line(name: str, rights: Rights | None) -> Content:
    if rights is None:
        return paint(f"{name:24} ", ("not asked yet", Tone.DIM))
    return paint(f"{name:24} ", (f"{rights.could}", _TONES[rights.could]), f": {rights.why}")
