"""The demo's journalctl beside the real one: what each takes, refuses, and in which words."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from fleettui.demo.clock import Clock
from fleettui.demo.journal import BadCursor, Host, Journal, Process
from fleettui.demo.journalctl import read_options

FLEETD = Process("fleetd", 600, "fleet.service", "/usr/bin/fleetd", "/usr/bin/fleetd")
ASKED = ("-u", "fleet.service", "-o", "json", "--no-pager")
CURSOR = f"s={'a' * 32};i=30;b={'b' * 32};m=1;t=1;x=1"

TIMES = (
    "-90", "-90min", "90min ago", "-1h 30min", "1h30min ago", "-1.5h", "1 hour 5 min ago",
    "+5min", "- 5min", "5min", "-5min ago", "-2w", "-1month", "-1y", "-100ms", "-1M", "-1parsec",
    "today", "tomorrow", "yesterday", "yesterday 10:00", "now", "NOW", "@1700000000",
    "@1700000000.5", "10:00", "10:00:30", "1:5", "25:00", "2026", "2026-01-31", "26-01-31",
    "2026-1-31", "2026-01-31 10:00", "2026-01-31T10:00", "2026-01-31 10:00:00.25",
    "2026-01-31 10:00 UTC", "2026-13-01", "2026/01/31", "garbage", "",
)  # fmt: skip # one a line reads worse
OPTIONS = (
    ("--lines=x",), ("--lines=-1",), ("--lines=0",), ("-f", "--lines=0", "--boot=-1"),
    ("--boot=-1",), ("--boot=2",), ("--boot=x",), ("--bogus",),
    ("--since=-5min", "--until=-10min"), ("--since=-1h", f"--cursor={CURSOR}"),
    ("--until=now", f"--cursor={CURSOR}"), ("--cursor=nonsense",), ("--cursor=",),
)  # fmt: skip # one a line reads worse
REAL = shutil.which("journalctl")
WRITTEN_AFTER = "systemd 252 "


def said_by_the_demo(journal: Journal, *options: str) -> str:
    try:
        read_options([*ASKED, *options], journal)
    except BadCursor:
        return "Failed to seek to cursor: Invalid argument"
    except ValueError as problem:
        return str(problem)
    return ""


def said_by_the_real_one(folder: Path, *options: str) -> str:
    asked = ["journalctl", "--directory", str(folder), *ASKED, *options]
    done = subprocess.run(
        asked, executable=REAL, env={"TZ": "UTC"}, check=False, capture_output=True, timeout=60
    )
    assert done.returncode == (1 if done.stderr else 0)
    return done.stderr.decode().removesuffix("\n")


@pytest.fixture
def journal() -> Journal:
    return Journal(Host("a" * 32, "b" * 32, "core-01", booted=-1000.0), Clock())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A journal without a line, where the journalctl is there that the demo's is like."""
    version = subprocess.run([REAL, "--version"], capture_output=True, check=True) if REAL else None
    if version is None or not version.stdout.decode().startswith(WRITTEN_AFTER):
        pytest.skip(f"there is no journalctl of {WRITTEN_AFTER}here")
    return tmp_path


def test_the_times_that_it_takes_are_those_of_journalctl(journal: Journal, folder: Path) -> None:
    options = [f"--since={time}" for time in TIMES]
    ours = {option: said_by_the_demo(journal, option) for option in options}
    assert ours == {option: said_by_the_real_one(folder, option) for option in options}


def test_what_it_refuses_it_refuses_in_journalctls_words(journal: Journal, folder: Path) -> None:
    ours = {options: said_by_the_demo(journal, *options) for options in OPTIONS}
    assert ours == {options: said_by_the_real_one(folder, *options) for options in OPTIONS}


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ((), range(30)),
        (("--lines=2",), (28, 29)),
        (("--lines=2", "--since=-1min"), (0, 1)),
        (("--lines=2", "--until=now"), (28, 29)),
        (("--since=+1min",), ()),
        (("-f",), range(20, 30)),
        (("-f", "--no-tail"), range(30)),
        (("--cursor", "--lines=2"), (10, 11)),
        (("--cursor",), range(10, 30)),
    ],
)
def test_it_begins_and_ends_where_journalctl_does(
    journal: Journal, options: tuple[str, ...], numbers: range | tuple[int, ...]
) -> None:
    """As systemd 252 was seen to do it."""
    for number in range(30):
        journal.say(FLEETD, f"line {number}")
    cursors = [json.loads(e.line)["__CURSOR"] for e in journal.tail(["fleet.service"], 30)]
    words = [f"--cursor={cursors[10]}" if word == "--cursor" else word for word in options]
    said = read_options([*ASKED, *words], journal).now(journal)
    told = [json.loads(line)["MESSAGE"] for line in said.splitlines()]
    assert told == [f"line {number}" for number in numbers]


def test_a_long_value_is_told_where_all_is_asked_for(journal: Journal) -> None:
    journal.say(FLEETD, "x" * 5000)
    told = [
        json.loads(read_options([*ASKED, *more], journal).now(journal))["MESSAGE"]
        for more in ((), ("-a",))
    ]
    assert told == [None, "x" * 5000]
