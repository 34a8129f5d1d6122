"""A recorded session replays: the same findings in the same order, and the same end."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest
from demo_session import TEMPLATE, access_to, quick
from driving import press_button, screen_text, until, up_to_verify, when
from fakes import observer
from textual.pilot import Pilot

from fleettui.cli.session import recording
from fleettui.demo.cluster import DemoCluster
from fleettui.model.clock import living_by
from fleettui.recording.file import BadRecording, open_recording
from fleettui.recording.player import Player, replayed
from fleettui.ui.app import FleetApp
from fleettui.ui.picture import Picture
from fleettui.ui.replay.app import ReplayApp

Told = tuple[str, str]


@dataclass
class Seen:
    """What an app found, in its order, and what it came to."""

    news: list[Told] = field(default_factory=list)
    """Findings that appeared and went."""
    stages: list[str] = field(default_factory=list)
    """Of whoever held the repair lock."""
    picture: Picture = field(default_factory=Picture)
    verifying_since: datetime | None = None
    """When the operator had asked for the last stage, which asks for no confirmation."""
    _keys: set[tuple[str, str, str]] = field(default_factory=set)

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


async def operate(demo: DemoCluster, file: Path, records: Path) -> Seen:
    """A repair of the demo, by keys, recorded."""
    access = access_to(demo)
    try:
        with recording(access, file) as told:
            async with watching(FleetApp(told, records)) as (pilot, seen):
                await until(pilot, "BROKEN")
                await pilot.press("r")
                await until(pilot, "AFFECTED")
                await up_to_verify(pilot, TEMPLATE)
                seen.verifying_since = datetime.now(UTC)
                await until(pilot, "Repaired, and read back", within=120)
                await press_button(pilot, "Close")
                await until(pilot, "0 findings")
                return seen
    finally:
        await access.registry.close()
        await access.hosts.close()


@dataclass
class Watched:
    """When a stage was first on the observer's screen, and what the screen looked like."""

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


def starts_in(records: Path) -> dict[str, datetime]:
    """When the operator confirmed each stage, by the repair's own record."""
    (record,) = records.glob("*.jsonl")
    lines = [json.loads(line) for line in record.read_text().splitlines()]
    confirmed = [line for line in lines if "when" in line and "stage" in line]
    return {line["stage"]: datetime.fromisoformat(line["when"]) for line in confirmed}


async def follow(demo: DemoCluster, folder: Path, over: "asyncio.Task[Seen]") -> Watched:
    """An observer's console, on the screen that watches the operator's repair."""
    access = access_to(demo, observe=True)
    watched = Watched()
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


STAGES = ("delete", "reload", "restart", "verify")


@pytest.mark.timeout(300)
async def test_a_repair_is_followed_by_an_observer_and_replays_as_it_was(tmp_path: Path) -> None:
    """Two consoles on one cluster; then the operator's recording."""
    file, records = tmp_path / "repair.rec", tmp_path / "repairs"
    async with DemoCluster(quick()) as demo:
        operating = asyncio.create_task(operate(demo, file, records))
        try:
            watched = await follow(demo, tmp_path / "observer", operating)
            then = await operating
        finally:
            operating.cancel()
    assert not (tmp_path / "observer").exists()
    assert then.verifying_since is not None
    starts = starts_in(records) | {"verify": then.verifying_since}
    assert [*starts] == list(STAGES)
    late = {s: (watched.shown[s] - starts[s]).total_seconds() for s in STAGES}
    assert max(late.values()) <= 2 + watched.lag, (late, watched.lag)
    for name, text in watched.texts.items():
        matches_snapshot(name, text)
    await replays_to(file, then, tmp_path)
    damaged_files_are_refused(file)


FOLDER = Path(__file__).parent / "snapshots" / "watch"


def matches_snapshot(name: str, text: str) -> None:
    """What the observer saw of a stage, without what differs each time."""
    shown = text.partition("JOURNAL")[0]
    shown = re.sub(r"\d\d\d\d-\d\d-\d\d \d\d:\d\d:\d\d|\d\d:\d\d:\d\d", "hh:mm:ss", shown)
    shown = re.sub(r"\d+ s ago", "N s ago", shown)
    shown = re.sub(r"(?<=Who    ).*", "user@host", shown)
    shown = re.sub(r"127\.0\.0\.1\d", "127.0.0.1N", shown)
    shown = "".join(f"{line.strip()}\n" for line in shown.splitlines() if line.strip())
    file = FOLDER / f"{name}.txt"
    if os.environ.get("WRITE_SNAPSHOTS"):
        FOLDER.mkdir(parents=True, exist_ok=True)
        file.write_text(shown)
    assert shown == file.read_text()


async def replays_to(file: Path, then: Seen, folder: Path) -> None:
    """The recording shows the same findings, in the same order, and comes to the same end."""
    assert ("came", f"template-loaded {TEMPLATE}") in then.news
    player = Player(open_recording(file), speed=16)
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


def damaged_files_are_refused(whole: Path) -> None:
    """Cut at many places, changed in one, of a later version, or something else."""
    assert whole.stat().st_mode & 0o777 == 0o600
    content = whole.read_bytes()
    broken = whole.with_name("broken.rec")

    def refusal(data: bytes) -> str:
        broken.write_bytes(data)
        with pytest.raises(BadRecording) as refused:
            open_recording(broken)
        return str(refused.value)

    for part in (3, 10, 50, 90, 99):
        cut = content[: len(content) * part // 100]
        words = refusal(cut)
        assert "is not whole" in words
        assert "--partial replays those" in words
        some = open_recording(broken, even_cut=True)
        assert not some.is_whole
        assert f"{len(some.records)} records can be read" in words
    assert "never closed" in refusal(content[: content.rindex(b"\n", 0, -1) + 1])
    middle = len(content) // 2
    assert "checksum" in refusal(content[:middle] + b"~" + content[middle + 1 :])
    lines = content.splitlines(keepends=True)
    assert "before it, and there are" in refusal(b"".join([*lines[:2], *lines[3:]]))
    assert "behind its end" in refusal(content + content.splitlines(keepends=True)[-1])
    for foreign in (b"", b"\n", b"# a text\n", b"\x7fELF" + bytes(300), b'{"a": 1}\n'):
        assert "is no recording of fleettui" in refusal(foreign)
    assert "cut off behind its first line" in refusal(content.splitlines(keepends=True)[0])


async def test_a_replay_stands_still_steps_and_hurries(tmp_path: Path) -> None:
    file = tmp_path / "short.rec"
    with recording(observer(), file) as told:
        async with FleetApp(told, tmp_path / "repairs").run_test(size=(120, 40)) as pilot:
            await until(pilot, "BROKEN")
            await asyncio.sleep(0)
    player = Player(open_recording(file), paused=True)
    with living_by(player.now):
        app = ReplayApp(replayed(player), tmp_path / "none", player)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, f"PAUSED  0/{player.total}")
            stood_at = player.now()
            for told_now in range(1, player.total + 1):
                await pilot.press("f6")
                await when(lambda n=told_now: player.told == n, "one more record")  # type: ignore[misc]  # a lambda's default
            await until(pilot, "at its end")
            await until(pilot, "BROKEN")
            assert player.now() >= stood_at
            await pilot.press("f8", "f8", "f7")
            assert player.speed == 2
            await pilot.press("enter")
            assert "REPLAY" in await until(pilot, "at its end")
            await pilot.press("escape", "R")
            assert "resume" not in screen_text(pilot).lower().split("\n")[0]


ALONE = """
import socket, sys
def refused(*args):
    raise AssertionError(f"the network was touched: {args}")
socket.socket.connect = refused
sys.path[:0] = sys.argv[1].split(":")
import asyncio
from pathlib import Path
from driving import until
from fleettui.model.clock import living_by
from fleettui.recording.file import open_recording
from fleettui.recording.player import Player, replayed
from fleettui.ui.replay.app import ReplayApp

async def look():
    player = Player(open_recording(Path(sys.argv[2])), speed=64)
    with living_by(player.now):
        app = ReplayApp(replayed(player), Path("none"), player)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(pilot, "at its end")
            await until(pilot, "BROKEN")
            await pilot.press("ctrl+r")
            await until(pilot, "BROKEN")

asyncio.run(look())
found = [name for name in sys.modules if name.split(".")[0] in {"etcd", "asyncssh", "urllib3"}]
assert not found, found
"""


async def test_a_replay_loads_and_touches_no_network(tmp_path: Path) -> None:
    file = tmp_path / "short.rec"
    with recording(observer(), file) as told:
        async with FleetApp(told, tmp_path / "repairs").run_test(size=(120, 40)) as pilot:
            await until(pilot, "BROKEN")
    here = Path(__file__).parent
    argv: Sequence[str] = (sys.executable, "-c", ALONE, f"{here}:{here.parent}/unit", str(file))
    ended = await asyncio.to_thread(
        subprocess.run, argv, capture_output=True, text=True, timeout=100, check=False, cwd=tmp_path
    )
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("replay", "foreign"), "is no recording of fleettui"),
        (("--record", "x", "check"), "--record goes with the console"),
        (("--record", "x", "replay", "foreign"), "--record goes with the console"),
    ],
)
def test_the_command_line_refuses_in_a_sentence(
    argv: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    (tmp_path / "foreign").write_text("something else\n")
    ended = subprocess.run(
        [sys.executable, "-m", "fleettui", *argv],
        cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode != 0
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr
