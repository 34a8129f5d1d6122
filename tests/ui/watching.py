"""A repair as an observer follows it, and as its recording replays it: what each of them sees."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from driving import repair_by_keys, screen_text, until
from textual.pilot import Pilot

from fleettui.access import Observer
from fleettui.cli.session import recording
from fleettui.model.clock import living_by
from fleettui.recording.file import open_recording
from fleettui.recording.player import Player
from fleettui.recording.replayed import replayed
from fleettui.ui.app import FleetApp
from fleettui.ui.picture import Picture
from fleettui.ui.replay.app import ReplayApp
from fleettui.ui.wizard.screen import WizardScreen

SNAPSHOTS = Path(__file__).parent / "snapshots" / "watch"
STAGES = ("delete", "reload", "restart", "verify")
Told = tuple[str, str]


@dataclass
class Seen:
    """What an app found, in its order, and what it came to."""

    news: list[Told] = field(default_factory=list)
    """Findings that appeared and went."""
    stages: list[str] = field(default_factory=list)
    """Of whoever held the repair lock."""
    picture: Picture = field(default_factory=Picture)
    texts: Sequence[str] = ()
    """The operator's screen after each stage."""
    verifying_since: datetime | None = None
    """When the operator had asked for the last stage, which asks for no confirmation."""
    _keys: set[tuple[str, str, str]] = field(default_factory=set)

    def verifies(self) -> None:
        self.verifying_since = datetime.now(UTC)

    def take(self, app: FleetApp) -> None:
        """Note what is new."""
        picture = app.picture
        keys = {finding.key for finding in picture.findings}
        self.news += [
            ("came", f"{f.fault} {f.unit}") for f in picture.findings if f.key not in self._keys
        ]
        self.news += [("went", str(key)) for key in sorted(self._keys - keys, key=str)]
        self._keys, self.picture = keys, picture
        stage = str(app.holder.stage) if app.holder else "nobody"
        if self.stages[-1:] != [stage]:
            self.stages.append(stage)


@asynccontextmanager
async def watching(app: FleetApp) -> AsyncIterator[tuple[Pilot[None], Seen]]:
    """An app under test, and what it finds, looked at whenever its picture changes."""
    seen = Seen()
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        app.watch(app, "picture", lambda: seen.take(app))
        app.watch(app, "holder", lambda: seen.take(app))
        yield pilot, seen


def _verify_long(app: FleetApp) -> None:
    """So that whoever follows sees the last stage, even if it is asked for late."""
    assert isinstance(app.screen, WizardScreen)
    errand = app.screen.errand
    errand.pace = replace(errand.pace, quiet=20.0)  # of which 10 go by before a restart ends


async def operate(access: Observer, file: Path, records: Path, unit: str) -> Seen:
    """A repair by keys, recorded; it closes access."""
    try:
        with recording(access, file) as told:
            app = FleetApp(told, records)
            async with watching(app) as (pilot, seen):
                await until(pilot, "BROKEN")
                seen.texts = await repair_by_keys(
                    pilot, unit, opened=lambda: _verify_long(app), verifying=seen.verifies
                )
                await until(pilot, "0 findings")
                return seen
    finally:
        await access.registry.close()
        await access.hosts.close()


# --- the observer beside it -------------------------------------------------------------------


@dataclass
class Watched:
    """When a stage was first on the observer's screen, and what the screen looked like."""

    folder: Path
    """Of its records."""
    shown: dict[str, datetime] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    lag: float = 0.0
    """Seconds by which this process was late with anything at worst."""

    async def look(self, pilot: Pilot[None], over: "asyncio.Task[Seen]") -> None:
        """Look at the screen all the time until the repair is over."""
        while not over.done() or "Nobody repairs right now" not in screen_text(pilot):
            text = screen_text(pilot)
            for stage in re.findall(r"UTC  (\w+) *$", text, re.MULTILINE)[-1:]:
                if stage not in self.texts:
                    self.shown.setdefault(stage, datetime.now(UTC))
                    self.texts[stage] = text
            began = monotonic()
            await asyncio.sleep(0.05)
            self.lag = max(self.lag, monotonic() - began - 0.05)

    def insist_on(self, starts: dict[str, datetime]) -> None:
        """Each stage was shown within two seconds of its start, and looked as it should."""
        assert [*starts] == list(STAGES)
        late = {stage: (self.shown[stage] - starts[stage]).total_seconds() for stage in STAGES}
        assert max(late.values()) <= 2 + self.lag, (late, self.lag)
        assert not self.folder.exists(), "an observer that only looks writes nothing"
        assert [*self.texts] == [*STAGES, "over"]
        for name, text in self.texts.items():
            _matches_snapshot(name, text)


async def follow(access: Observer, folder: Path, over: "asyncio.Task[Seen]") -> Watched:
    """An observer's console, on the screen that watches the operator's repair; it closes access."""
    watched = Watched(folder)
    try:
        async with FleetApp(access, folder).run_test(size=(140, 40)) as pilot:
            await until(pilot, ": delete; R watches", within=90)
            watched.shown["delete"] = datetime.now(UTC)  # by the console's header already
            await pilot.press("R", "enter")
            await watched.look(pilot, over)
            watched.texts["over"] = await until(pilot, "Nobody repairs right now")
            await pilot.press("escape", "escape")
            await until(pilot, "0 findings")
    finally:
        await access.registry.close()
        await access.hosts.close()
    return watched


async def both(
    operating: "asyncio.Task[Seen]", observer: Observer, folder: Path
) -> tuple[Seen, Watched]:
    """The repair and whoever follows it, each to its end."""
    try:
        watched = await follow(observer, folder, operating)
        then = await operating
    finally:
        operating.cancel()
    return then, watched


def starts_in(records: Path, then: Seen) -> dict[str, datetime]:
    """When the operator confirmed each stage, by the repair's own record."""
    (record,) = records.glob("*.jsonl")
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    confirmed = [line for line in lines if "when" in line and "stage" in line]
    starts = {line["stage"]: datetime.fromisoformat(line["when"]) for line in confirmed}
    assert then.verifying_since is not None
    return starts | {"verify": then.verifying_since}


def _matches_snapshot(name: str, text: str) -> None:
    """What the observer saw of a stage, without what differs each time."""
    shown = text.partition("JOURNAL")[0]
    shown = re.sub(r"\d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d|\d\d:\d\d:\d\d", "hh:mm:ss", shown)
    shown = re.sub(r"\d+ s ago", "N s ago", shown)
    shown = re.sub(r"(?<=Who    ).*", "user@host", shown)
    shown = re.sub(r"(?<=Where  )\d+(\.\d+){3} *$", "address", shown, flags=re.MULTILINE)
    shown = "".join(f"{line.strip()}\n" for line in shown.splitlines() if line.strip())
    file = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("WRITE_SNAPSHOTS"):
        SNAPSHOTS.mkdir(parents=True, exist_ok=True)
        file.write_text(shown)
    assert shown == file.read_text()


# --- its replay -------------------------------------------------------------------------------


async def replays_to(file: Path, then: Seen, folder: Path, *, speed: float = 16) -> None:
    """The recording shows the same findings, in the same order, and comes to the same end."""
    player = Player(open_recording(file), speed=speed)
    with living_by(player.now):
        app = ReplayApp(replayed(player), folder / "none", player)
        async with watching(app) as (pilot, now):
            await until(pilot, "BROKEN")
            await until(pilot, "at its end", within=90)
            text = await until(pilot, "0 findings")
    assert "OBSERVER" in text
    assert now.news == then.news
    assert now.stages == then.stages
    last, again = then.picture.snapshot, now.picture.snapshot
    assert last is not None
    assert again is not None
    assert (dict(again.units), dict(again.machines)) == (dict(last.units), dict(last.machines))
    assert again.leader == last.leader
    assert now.picture.reports.keys() == then.picture.reports.keys()
