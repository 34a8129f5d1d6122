"""The simulated journald tells its lines as journalctl does."""

import asyncio
import json

import pytest

from fleettui.demo.clock import Clock
from fleettui.demo.journal import CAPACITY, SYSTEMD, BadCursor, Entry, Host, Journal, Process

APP = Process("app", 42, "app.service", "/usr/bin/app", "/usr/bin/app --serve")


@pytest.fixture
def journal() -> Journal:
    return Journal(Host("a" * 32, "b" * 32, "core-01", booted=-1000.0), Clock())


def fields(entry: Entry) -> dict[str, object]:
    return dict(json.loads(entry.line))


def told(entries: list[Entry]) -> list[object]:
    return [fields(entry)["MESSAGE"] for entry in entries]


def test_a_unit_is_found_by_its_own_lines_and_by_systemds_about_it(journal: Journal) -> None:
    journal.say(SYSTEMD, "Started app.", about="app.service")
    journal.say(APP, "ready")
    journal.say(SYSTEMD, "Started other.", about="other.service")
    assert told(journal.tail(["app.service"], 10)) == ["Started app.", "ready"]
    assert told(journal.tail(["app.service"], 1)) == ["ready"]
    assert journal.tail(["nobody.service"], 10) == []


def test_every_entry_carries_the_fields_of_a_recorded_one(journal: Journal) -> None:
    journal.say(APP, "ready", priority=3)
    entry = fields(journal.tail(["app.service"], 1)[0])
    assert entry["PRIORITY"] == "3"
    assert entry["_PID"] == "42"
    assert entry["_SYSTEMD_UNIT"] == "app.service"
    assert entry["_BOOT_ID"] == "b" * 32
    assert entry["_MACHINE_ID"] == "a" * 32
    assert entry["SYSLOG_IDENTIFIER"] == "app"
    assert str(entry["__REALTIME_TIMESTAMP"]).isdecimal()
    assert str(entry["__MONOTONIC_TIMESTAMP"]).isdecimal()


def test_what_came_after_a_cursor_is_neither_less_nor_more(journal: Journal) -> None:
    for number in range(5):
        journal.say(APP, f"line {number}")
    cursor = fields(journal.tail(["app.service"], 3)[0])["__CURSOR"]
    assert told(journal.after(["app.service"], str(cursor))) == ["line 3", "line 4"]


def test_a_cursor_of_rubbish_is_refused(journal: Journal) -> None:
    with pytest.raises(BadCursor):
        journal.after(["app.service"], "i=1")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"plain\ttext\nof two lines", "plain\ttext\nof two lines"),
        (b"\x1b[31mred", list(b"\x1b[31mred")),
        (b"not utf-8: \xff", list(b"not utf-8: \xff")),
        (b"\xc2\x9b", list(b"\xc2\x9b")),
        (b"x" * 4087, "x" * 4087),
        (b"x" * 4088, None),
        ("größer".encode(), "größer"),
    ],
)
def test_odd_messages_are_shown_as_journalctl_shows_them(
    journal: Journal, said: bytes, shown: object
) -> None:
    journal.say(APP, said)
    assert told(journal.tail(["app.service"], 1)) == [shown]


def test_the_oldest_entries_go_first(journal: Journal) -> None:
    for number in range(CAPACITY + 3):
        journal.say(APP, f"line {number}")
    kept = journal.tail(["app.service"], CAPACITY * 2)
    assert len(kept) == CAPACITY
    assert told(kept[:1]) == ["line 3"]


async def test_following_tells_the_tail_and_then_each_new_line(journal: Journal) -> None:
    journal.say(APP, "one")
    journal.say(APP, "two")
    follow = journal.follow(["app.service"], count=1)
    assert told(list(await anext(follow))) == ["two"]
    await asyncio.to_thread(journal.say, APP, "three")
    journal.say(SYSTEMD, "Started other.", about="other.service")
    journal.say(APP, "four")
    heard: list[object] = []
    async with asyncio.timeout(5):
        while len(heard) < 2:
            heard += told(list(await anext(follow)))
    await follow.aclose()
    assert heard == ["three", "four"]


async def test_following_from_a_cursor_tells_all_that_was_missed(journal: Journal) -> None:
    for number in range(30):
        journal.say(APP, f"line {number}")
    cursor = fields(journal.tail(["app.service"], 20)[0])["__CURSOR"]
    follow = journal.follow(["app.service"], cursor=str(cursor))
    missed = told(list(await anext(follow)))
    await follow.aclose()
    assert missed == [f"line {number}" for number in range(11, 30)]
