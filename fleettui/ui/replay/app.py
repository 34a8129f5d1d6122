"""The same console on a recording, with keys to stop it, to step through it and to hurry it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Protocol

from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

from fleettui.access import Observer
from fleettui.ui.app import FleetApp
from fleettui.ui.keys import named
from fleettui.ui.paint import Piece, Tone, paint
from fleettui.ui.picture import Picture
from fleettui.ui.themes import Looks

REDRAWN_EVERY = 0.2
"""Seconds between two pictures of a replay that runs."""
_KEYS = ("  F6 step  F7 slower  F8 faster", "  F6 step  F7 F8 speed", " .. F8")
"""What follows `F5`, in less and less room."""


class Playback(Protocol):
    """What is being replayed."""

    is_paused: bool
    speed: float
    told: int
    """Records that were told."""

    @property
    def total(self) -> int:
        """Records there are."""

    @property
    def is_over(self) -> bool:
        """Whether all was told."""

    @property
    def ends_at(self) -> datetime:
        """UTC."""

    def now(self) -> datetime:
        """The time of the recording, UTC."""

    def pause(self) -> None:
        """Stop, or go on."""

    def step(self) -> None:
        """Tell one more record, and stop."""

    def change_speed(self, steps: int) -> None:
        """Faster or slower."""

    async def play(self) -> None:
        """Tell all records, each at its time."""


class ReplayBar(Static):
    """How far the replay is, on top of every screen."""

    DEFAULT_CSS = """
    ReplayBar { dock: top; height: 1; background: $warning-muted; color: $text; padding: 0 1; }
    """

    def __init__(self, playback: Playback) -> None:
        super().__init__(markup=False)
        self._playback = playback

    def on_mount(self) -> None:
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def draw(self) -> None:
        """Say where the recording is now, and how it is driven, in as many words as have room."""
        told = [paint(*bar_words(self._playback, keys)) for keys in _KEYS]
        self.update(next((t for t in told if t.cell_length <= self.size.width), told[-1]))


def bar_words(playback: Playback, keys: str) -> Iterator[Piece]:
    """What the bar says: with the longest of the keys also the day, and how many records."""
    is_whole, runs = keys == _KEYS[0], not playback.is_over
    day = f"{playback.now():%Y-%m-%d} " if is_whole else ""
    going = "PAUSED" if playback.is_paused else f"x{playback.speed:g}"
    yield "REPLAY ", Tone.STRONG
    yield f"{day}{playback.now():%H:%M:%S} of {playback.ends_at:%H:%M:%S} UTC"
    yield f"  {going if runs else 'at its end'}"
    if is_whole:
        yield f"  {playback.told}/{playback.total}", Tone.DIM
    if runs:
        yield f"  F5 {'go on' if playback.is_paused else 'pause'}{keys}", Tone.DIM


class ReplayApp(FleetApp):
    """Only its bar knows that nothing of this happens now."""

    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("f5", "pause", "Pause", tooltip="Stop the replay, or let it go on", show=False),
            Binding("f6", "step", "Step", tooltip="One more record of the replay", show=False),
            Binding("f7", "speed(-1)", "Slower", tooltip="Replay slower", show=False),
            Binding("f8", "speed(1)", "Faster", tooltip="Replay faster", show=False),
        ]
    )

    def __init__(
        self,
        access: Observer,
        records: Path,
        playback: Playback,
        looks: Looks = Looks(),  # noqa: B008 - frozen
        keys: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(access, records, looks=looks, keys=keys)
        self._playback = playback

    def _begin(self) -> None:
        super()._begin()
        self.set_interval(REDRAWN_EVERY, self._draw_bar)
        self.run_worker(self._playback.play(), group="replay")

    def watch_picture(self, before: Picture, after: Picture) -> None:
        super().watch_picture(before, after)
        self._ask_due()

    def _ask_due(self) -> None:
        """Every machine is being asked at any time: each answer comes when it came then."""
        self._rounds.ask_all()

    def _draw_bar(self) -> None:
        if isinstance(self.screen, ModalScreen):
            return
        bars = self.screen.query(ReplayBar)
        if not bars:
            self.screen.mount(ReplayBar(self._playback))
        for bar in bars:
            bar.draw()

    def action_pause(self) -> None:
        """Stop the replay, or let it go on."""
        self._playback.pause()
        self._draw_bar()

    def action_step(self) -> None:
        """One more record."""
        self._playback.step()

    def action_speed(self, steps: int) -> None:
        """Faster or slower."""
        self._playback.change_speed(steps)
        self._draw_bar()
