"""The lines of the journals that were chosen: received, named, and put in one order."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from msgspec.structs import replace
from textual.reactive import reactive

from fleettui.access import JournalReader
from fleettui.journal.columns import Packer, microseconds
from fleettui.journal.sources import SERVICES, Choice, Source
from fleettui.model.clock import now
from fleettui.model.cluster import Machine
from fleettui.model.host import FLEET_SERVICE, JournalItem, Span
from fleettui.model.untrusted import Untrusted
from fleettui.ui.picture import Picture
from fleettui.ui.widgets.journal.leaving import KeepableLog
from fleettui.ui.widgets.journal.looks import HOSTS, Bit
from fleettui.ui.widgets.journal.tails import Tail, Tails, unreadable, with_help
from fleettui.ui.widgets.journal.told import Told
from fleettui.ui.widgets.journal.words import tagged


class ReceivingLog(KeepableLog):
    """A log that receives what it is told to show. Without a picture it knows one machine only."""

    picture: reactive[Picture] = reactive(Picture, init=False, repaint=False)

    def __init__(
        self,
        hosts: JournalReader,
        *,
        id: str,  # noqa: A002 - Textual's name
        keep_in: Path | None,
        root: JournalReader | None = None,
        of_one: bool = False,
    ) -> None:
        """`keep_in` is the only folder that an observer's files are saved in, None an operator's
        word that any will do; `root` reads through sudo and is an operator's too. `of_one`: whoever
        shows it chooses the machine, which stays the only one."""
        super().__init__(id=id)
        self._hosts = hosts
        self._root = root
        self._is_of_one = of_one
        self.keep_in = keep_in
        self.choice = Choice()
        self._single: Source | None = None
        """What `m` returns to."""
        self._is_merged = False
        self._told_by = Told()
        self._tails = Tails(self._begin, self._end)

    # --- what is shown ------------------------------------------------------------------------

    def shows(self, machine: Machine, unit: str = FLEET_SERVICE) -> bool:
        """Whether this is the journal of a unit on a machine at its present address."""
        return [source.place for source in self.choice.sources] == [Source(machine, unit).place]

    def watch_machine(self, machine: Machine | None, unit: str = FLEET_SERVICE) -> None:
        """Show the journal of one unit on one machine, and nothing else."""
        self._is_merged = False
        sources = () if machine is None else (Source(machine, unit),)
        if machine is None or not self.shows(machine, unit):
            self.show(replace(self.choice, sources=sources))

    def suggest(self, machine: Machine) -> None:
        """Go to a machine that somebody looks at, unless several are shown on purpose."""
        if self._is_merged:
            return
        if {source.where for source in self.choice.sources} != {Source(machine).where}:
            unit = self.choice.units[0] if self.choice.sources else FLEET_SERVICE
            self.watch_machine(machine, unit if unit in SERVICES else FLEET_SERVICE)

    def watch_unit(self, unit: Untrusted, machines: Sequence[Machine]) -> None:
        """Show the journal of a unit on each of these machines."""
        from fleettui.ui.widgets.journal.choosing import exact

        name = exact(unit)
        if len(machines) == 1:
            self.watch_machine(machines[0], name)
        else:
            self.watch_all(Source(machine, name) for machine in machines)

    def watch_all(self, sources: Iterable[Source]) -> None:
        """Show several journals merged by time."""
        self._is_merged = True
        self.show(replace(self.choice, sources=tuple(sources)))

    def show(self, choice: Choice) -> None:
        """Show something else; journals that stay go on, with all their lines."""
        if len(self.choice.sources) == 1:
            self._single = self.choice.sources[0]
        self.choice = choice
        if not self._tails.receive(choice):
            self.window.follow()
        streams = self._tails.by_stream
        muted = self.wanted.muted & streams.keys()
        self.view.want(replace(self.wanted, muted=frozenset(muted)))
        self._name_streams()
        self.redraw()

    # --- receiving ----------------------------------------------------------------------------

    def _begin(self, source: Source, choice: Choice) -> Tail:
        tail = Tail(source, self.ring.open(), Packer())
        self.window.joined(tail.stream, microseconds(now()))
        if refused := unreadable(source):
            self._take(tail, refused)
        elif reader := self._root if choice.as_root else self._hosts:
            name = f"journal of {source.unit}"
            receive = partial(self._receive, tail, reader, choice.span)
            tail.worker = self.run_worker(receive, name=name, group="journal")
        return tail

    def _end(self, tail: Tail) -> None:
        if tail.worker is not None:
            tail.worker.cancel()
        self.ring.close(tail.stream)
        self.view.update()

    async def _receive(self, tail: Tail, reader: JournalReader, span: Span) -> None:
        source = tail.source
        async with reader.journal(source.machine, source.unit, span) as batches:
            async for items in batches:
                self._take(tail, items)

    def _take(self, tail: Tail, items: Sequence[JournalItem]) -> None:
        may_ask = self._root is not None and not self.choice.as_root
        self.add(tail.stream, tail.heard(with_help(items) if may_ask else items))

    def take(self, items: Sequence[JournalItem], stream: int = 0) -> None:
        """Add lines to one of the journals shown, as if its machine had sent them."""
        self._take(list(self._tails.by_stream.values())[stream], items)

    # --- names and clocks ---------------------------------------------------------------------

    def watch_picture(self, old: Picture, new: Picture) -> None:
        if old.reports is new.reports:
            return
        if self._told_by.hear(new) and self.is_mounted:
            self._name_streams()
            self.redraw()

    def name_of(self, stream: int) -> Untrusted:
        """The machine of a stream, by its host name where that is known."""
        return self._told_by.name(self._tails.by_stream[stream].source.machine)

    def source_of(self, stream: int) -> Source:
        return self._tails.by_stream[stream].source

    def reader(self) -> JournalReader:
        """Who reads the journals that are shown."""
        return self._root if self.choice.as_root and self._root else self._hosts

    def _name_streams(self) -> None:
        streams = self._tails.by_stream
        many = len(streams) > 1
        tags: dict[int, Bit] = {}
        for place, (stream, tail) in enumerate(streams.items() if many else ()):
            tags[stream] = (str(self.name_of(stream)), HOSTS[place % len(HOSTS)])
            self.ring.correct(stream, self._told_by.ahead(tail.source.machine))
        self.display_as = replace(self.display_as, tags=tagged(tags))
