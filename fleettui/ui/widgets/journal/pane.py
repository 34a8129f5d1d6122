"""The journal pane: the journal of a machine's fleet.service, of any unit, or of all machines."""

from collections.abc import Sequence
from typing import ClassVar

from msgspec.structs import replace
from textual.binding import Binding, BindingType

from fleettui.journal.sources import SINCE, Source, since_words
from fleettui.model.cluster import Machine
from fleettui.model.host import FLEET_SERVICE, Span
from fleettui.model.untrusted import Untrusted
from fleettui.ui.keys import named
from fleettui.ui.paint import Cell, Tone
from fleettui.ui.widgets.journal import heading
from fleettui.ui.widgets.journal.prompt import Asking
from fleettui.ui.widgets.journal.receiving import ReceivingLog

_OF_SEVERAL = frozenset({"merge", "machines", "solo", "mute", "unmute"})


class JournalPane(ReceivingLog):
    """Tells above the lines what they are, and has keys to choose others."""

    BINDINGS: ClassVar[list[BindingType]] = named([
        *(
            Binding(str(n), f"since({n})", "Since", show=False, tooltip=f"Since: {words}")
            for n, (words, _) in enumerate(SINCE)
        ),
        Binding("a", "ask('since')", "Since", show=False, tooltip="Since when, in your words"),
        Binding("b", "boot(-1)", "Boot", show=False, tooltip="The boot before, a later boot"),
        Binding("B", "boot(1)", "Boot", show=False, tooltip="The boot before, a later boot"),
        Binding("m", "merge", "Merged", tooltip="All machines merged by time, or one again"),
        Binding("M", "machines", "Machines", show=False, tooltip="Choose the machines to merge"),
        Binding("u", "unit", "Unit", show=False, tooltip="Another unit: etcd, or one of fleet's"),
        Binding("o", "solo", "Solo", show=False, tooltip="This line's machine alone, or all"),
        Binding("x", "mute", "Mute", show=False, tooltip="Hide this line's machine"),
        Binding("X", "unmute", "Show all", show=False, tooltip="Show all machines again"),
        Binding("S", "as_root", "Sudo", show=False, tooltip="Read the journal through sudo"),
    ])  # fmt: skip # one a line reads worse

    # --- the head -----------------------------------------------------------------------------

    def head_line(self, y: int) -> list[Cell]:
        width = self.size.width
        if y == 1:
            return heading.below_title(self.ring, self.view, self._settings(), width)
        prompt = self._prompt
        if prompt is not None and prompt.asking:
            tone = Tone.ALARM if prompt.problem else Tone.ACCENT
            asked = [Cell(" JOURNAL "), Cell(f" {Untrusted(prompt.hint)} ", tone)]
            return heading.cut(asked, width)
        tails = self._tails.by_stream.values()
        is_over = bool(tails) and all(tail.is_over for tail in tails)
        state = heading.state(self.window, self._trouble(), is_over=is_over)
        zone = ", local time" if self.display_as.local else ", UTC"
        source = f"  {self.choice.words}{zone}"
        if self.head_height > 1:
            return heading.title(state, [Cell(source)], width)
        room = width - heading.width_of([Cell(" JOURNAL "), state])
        rest = heading.in_one_line(source, self.ring, self.view, self._settings(), room)
        return heading.title(state, rest, width)

    def settings(self) -> Sequence[str]:
        """What is shown in another way than at first, in words."""
        words = [self.task_words, *self._told_by.skewed(self.choice.machines), *self._heard()]
        words += heading.settings(self.view, self.display_as)
        words.append(since_words(self.choice.span))
        return [word for word in words if word]

    def _settings(self) -> list[Cell]:
        return [Cell(f"  {Untrusted(word)}", Tone.WARN) for word in self.settings()]

    def _trouble(self) -> str:
        """Why nothing comes from the machines that nothing comes from."""
        tails = self._tails.by_stream
        troubled = {stream: tail.trouble for stream, tail in tails.items() if tail.trouble}
        if not troubled:
            return ""
        stream, trouble = next(iter(troubled.items()))
        if len(tails) == 1:
            return trouble
        who = self.name_of(stream) if len(troubled) == 1 else f"{len(troubled)} of {len(tails)}"
        return f"{who}: {trouble}"

    def _heard(self) -> list[str]:
        muted = len(self.wanted.muted)
        return [f"{muted} of {len(self.choice.sources)} machines hidden"] if muted else []

    def nothing(self) -> str:
        if not self.choice.sources:
            return "choose a machine"
        if self.ring.held:
            return "no line is shown: all are filtered"
        return "waiting for the first line"

    # --- since when, and where from -----------------------------------------------------------

    def answer(self, asking: Asking, text: str) -> None:
        if asking is not Asking.SINCE:
            super().answer(asking, text)
        elif text.strip():
            self._since(Span(None, text.strip()))

    def action_since(self, number: int) -> None:
        self._since(SINCE[number][1])

    def _since(self, span: Span) -> None:
        self.show(replace(self.choice, span=replace(span, boot=self.choice.span.boot)))

    def action_boot(self, step: int) -> None:
        """From any boot to the present one, to the one before, and back."""
        boot = self.choice.span.boot
        if step > 0 and not boot:
            self.notify("This is the present boot: b goes to the one before.", markup=False)
            return
        wanted: int | None = (step if boot is None else boot + step) if boot or step < 0 else None
        if wanted is not None and wanted > 0:
            wanted = None
        self.show(replace(self.choice, span=Span(None, boot=wanted) if wanted else SINCE[0][1]))

    def action_unit(self) -> None:
        from fleettui.ui.widgets.journal.choosing import UnitScreen, offered_units

        machines = self.choice.machines
        if not machines:
            self.notify("Choose a machine first.", markup=False)
            return
        units = offered_units(self.picture, machines)
        self.app.push_screen(UnitScreen(units, self.choice.units), self._unit_chosen)

    def _unit_chosen(self, unit: str | None) -> None:
        if unit is None:
            return
        machines = dict.fromkeys(self.choice.machines)
        known = self.picture.snapshot.units.get(Untrusted(unit)) if self.picture.snapshot else None
        if known is not None and known.is_global:
            listed = self.picture.snapshot.machines if self.picture.snapshot else {}
            machines = {m: None for i, m in listed.items() if known.is_on(i)} or machines
        sources = tuple(Source(machine, unit) for machine in machines)
        self._is_merged = self._is_merged or len(sources) > 1
        self.show(replace(self.choice, sources=sources))

    # --- several machines ---------------------------------------------------------------------

    def action_merge(self) -> None:
        if self._is_merged and self._single is not None:
            self.watch_machine(self._single.machine, self._single.unit)
            return
        machines = self._machines()
        if not machines:
            self.notify("No machine is known yet.", markup=False)
            return
        unit = self.choice.units[0] if self.choice.sources else FLEET_SERVICE
        self.watch_all(Source(machine, unit) for machine in machines)

    def _machines(self) -> tuple[Machine, ...]:
        listed = self.picture.snapshot.machines.values() if self.picture.snapshot else ()
        return tuple(listed) or self.choice.machines

    def action_machines(self) -> None:
        from fleettui.ui.widgets.journal.choosing import MachinesScreen

        shown = {source.machine.id for source in self.choice.sources}
        machines = [
            (m, f"{self._told_by.name(m)}  {self.picture.named(m.id)}", m.id in shown)
            for m in self._machines()
        ]
        self.app.push_screen(MachinesScreen(machines), self._machines_chosen)

    def _machines_chosen(self, machines: tuple[Machine, ...] | None) -> None:
        if machines:
            unit = self.choice.units[0] if self.choice.sources else FLEET_SERVICE
            self.watch_all(Source(machine, unit) for machine in machines)

    def action_solo(self) -> None:
        if self.wanted.muted:
            self.action_unmute()
        elif (stream := self._chosen_of_several()) is not None:
            others = frozenset(self._tails.by_stream.keys() - {stream})
            self.want(replace(self.wanted, muted=others))

    def action_mute(self) -> None:
        stream = self._chosen_of_several()
        if stream is None:
            return
        muted = self.wanted.muted | {stream}
        if len(muted) == len(self._tails.by_stream):
            self.notify("The last machine stays.", markup=False)
        else:
            self.want(replace(self.wanted, muted=muted))

    def action_unmute(self) -> None:
        self.want(replace(self.wanted, muted=frozenset()))

    def _chosen_of_several(self) -> int | None:
        """The stream of the chosen line; None, and said why, where there is no other."""
        place = self.chosen_place
        if len(self._tails.by_stream) < 2:
            self.notify("Only one machine is shown: m merges all.", markup=False)
        elif place is None:
            self.notify("There is no line under the cursor.", markup=False)
        else:
            return place.stream
        return None

    # --- as root ------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Reading through sudo is an operator's choice; an observer is never offered it."""
        if action in _OF_SEVERAL:
            return not self._is_of_one
        return action != "as_root" or self._root is not None

    def action_as_root(self) -> None:
        if self._root is not None:
            self.show(replace(self.choice, as_root=not self.choice.as_root))
