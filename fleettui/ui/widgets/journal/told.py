"""What machines told of themselves when they last answered: their names, and their clocks."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from fleettui.journal.times import skew_words
from fleettui.model.cluster import Machine
from fleettui.model.host import HostFacts, HostReport
from fleettui.model.untrusted import Untrusted
from fleettui.ui.picture import Picture

SKEWED = timedelta(seconds=5)
"""A clock that is off by less is not spoken of: asking a machine takes time too."""
_NOTHING = timedelta(0)


class Told:
    """Holds while a machine does not answer: its lines keep their name and their order."""

    def __init__(self) -> None:
        self._heard: Mapping[Untrusted, HostReport] = {}
        """All reports, when they were heard last."""
        self._told: dict[Untrusted, tuple[Untrusted, timedelta]] = {}
        """By machine ID: its host name, and how far its clock is ahead of ours, to the second."""

    def hear(self, picture: Picture) -> bool:
        """Take note of what the machines told; whether any of it is new."""
        is_new = False
        before, self._heard = self._heard, picture.reports
        for machine_id, facts in picture.reports.items():
            if facts is before.get(machine_id) or not isinstance(facts, HostFacts):
                continue
            told = facts.hostname, timedelta(seconds=round(facts.ahead.total_seconds()))
            is_new = is_new or self._told.get(machine_id) != told
            self._told[machine_id] = told
        return is_new

    def name(self, machine: Machine) -> Untrusted:
        """Its host name; its address where that was never told."""
        return self._told.get(machine.id, (machine.public_ip, _NOTHING))[0]

    def ahead(self, machine: Machine) -> timedelta:
        """How far its clock is ahead of ours; nothing where it is not off by much."""
        ahead = self._told.get(machine.id, (machine.public_ip, _NOTHING))[1]
        return ahead if abs(ahead) > SKEWED else _NOTHING

    def skewed(self, machines: Iterable[Machine]) -> Iterator[str]:
        """The clocks that are off, in words."""
        for machine in {machine.id: machine for machine in machines}.values():
            if ahead := self.ahead(machine):
                yield f"{self.name(machine)}'s clock is {skew_words(ahead)}"
