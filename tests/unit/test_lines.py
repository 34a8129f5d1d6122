"""fleet's journal lines: parted, classified, and the fault's loop recognised by its message."""

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from fleettui.diagnosis.lines import (
    ONE_PERIOD,
    QUIET,
    Break,
    FleetLine,
    Kind,
    harmless,
    kind_of,
    looping_template,
    loops_in,
    part,
)
from fleettui.model.host import JournalEntry
from fleettui.model.untrusted import Untrusted

START = datetime(2026, 1, 1, tzinfo=UTC)
GENERATOR = "Failed fetching current unit states: Unit name foo@.service "
RECONCILE = (
    "Unable to determine agent's current state: failed fetching unit states from UnitManager: "
    "Unit name foo@.service "
)
TAILS = (
    "is not valid.",
    "is missing the instance name.",
    "is neither a valid invocation ID nor unit name.",
)
PREFIXES = (
    "",
    "ERROR generator.go:65: ",
    "ERROR reconcile.go:171: ",
    "E0828 23:59:27.310391 00600 generator.go:41] ",
)


def entry(message: str, second: int = 0, pid: int = 7, priority: int = 6) -> JournalEntry:
    at = START + timedelta(seconds=second)
    unit, name = Untrusted("fleet.service"), Untrusted("fleetd")
    return JournalEntry(f"c{second}", at, Untrusted(message), priority, unit, name, pid)


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("words", [GENERATOR, RECONCILE])
@pytest.mark.parametrize("tail", TAILS)
def test_every_wording_of_the_fault_is_recognised(prefix: str, words: str, tail: str) -> None:
    assert looping_template(prefix + words + tail) == "foo@.service"
    assert kind_of(entry(prefix + words + tail)) is Kind.FAULT


@pytest.mark.parametrize(
    "message",
    [
        GENERATOR.replace("foo@.", "foo@1.") + TAILS[0],
        GENERATOR.replace("foo@.", "foo.") + TAILS[0],
        "INFO x.go:1: somebody wrote: " + GENERATOR + TAILS[0],
        "Failed fetching current unit states: connection reset",
        "Unit name foo@.service is not valid.",
    ],
)
def test_a_line_that_only_looks_like_it_is_not(message: str) -> None:
    assert looping_template(message) is None


@pytest.mark.parametrize(
    ("message", "parted"),
    [
        ("INFO fleet.go:58: Starting", FleetLine("INFO", "fleet.go:58", "Starting")),
        ("WARNING a.go:1: x", FleetLine("WARN", "a.go:1", "x")),
        (
            "E0828 23:59:27.310391 00600 generator.go:41] x",
            FleetLine("ERROR", "generator.go:41", "x"),
        ),
        (
            "Started fleet.service - fleet daemon.",
            FleetLine("", "", "Started fleet.service - fleet daemon."),
        ),
    ],
)
def test_a_line_is_parted_by_both_prefixes(message: str, parted: FleetLine) -> None:
    assert part(message) == parted


@pytest.mark.parametrize(
    ("message", "priority", "kind"),
    [
        ("INFO a.go:1: fine", 6, Kind.PLAIN),
        ("ERROR a.go:1: bad", 6, Kind.ERROR),
        ("WARN a.go:1: hm", 6, Kind.WARNING),
        ("fleet.service: Main process exited", 3, Kind.ERROR),
        ("fleet.service: odd", 4, Kind.WARNING),
        ("INFO a.go:1: fine, whatever its priority", 3, Kind.PLAIN),
        ("INFO a.go:1: fine, whatever its priority", 4, Kind.PLAIN),
        (
            "ERROR a.go:1: etcd watcher {Watch /job} returned error: unexpected end of JSON input",
            6,
            Kind.NOISE,
        ),
        (
            "INFO client.go:292: Failed getting response from http://x/: unexpected EOF",
            6,
            Kind.NOISE,
        ),
        ("ERROR a.go:1: Unable to get result for {Watch /x}, retrying in 100ms", 6, Kind.NOISE),
        (
            "ERROR client.go:1: etcd watcher {Watch /x} returned error: connection refused",
            6,
            Kind.ERROR,
        ),
    ],
)
def test_a_line_means_what_its_message_says(message: str, priority: int, kind: Kind) -> None:
    assert kind_of(entry(message, priority=priority)) is kind


def test_a_loop_is_counted_from_the_newest_start_of_fleetd() -> None:
    old = [entry(GENERATOR + TAILS[0], n) for n in range(5)]
    new = [entry("INFO fleet.go:58: Starting fleetd version 0.9.2", 6, 8)]
    again = [entry(GENERATOR + TAILS[0], n, 8) for n in range(7, 9)]
    assert loops_in([*old, *new]) == ()
    (loop,) = loops_in([*old, *new, *again])
    assert (loop.unit, loop.count, loop.pid) == (Untrusted("foo@.service"), 2, 8)
    assert loop.first_at == START + timedelta(seconds=7)


def test_a_loop_of_another_process_is_another_loop() -> None:
    lines = [
        *(entry(GENERATOR + TAILS[0], n, 7) for n in (1, 2)),
        entry(GENERATOR + TAILS[1], 3, 8),
    ]
    (loop,) = loops_in(lines)
    assert (loop.count, loop.pid, loop.line) == (1, 8, lines[-1].message)
    assert loop.first_at == START + timedelta(seconds=3)


def test_both_loops_of_one_template_are_one() -> None:
    (loop,) = loops_in([entry(GENERATOR + TAILS[0], 1), entry(RECONCILE + TAILS[0], 2)])
    assert (loop.count, loop.cursor) == (2, "c2")


RELOAD = "INFO fleetd.go:97: Restarting server components"


def test_a_loop_goes_on_until_it_was_quiet_for_two_periods() -> None:
    (loop,) = loops_in([entry(GENERATOR + TAILS[0], 1)])
    assert loop.goes_on(loop.last_at + QUIET)
    assert not loop.goes_on(loop.last_at + QUIET + timedelta(milliseconds=1))


def test_after_a_reload_one_quiet_period_is_enough() -> None:
    (loop,) = loops_in([entry(GENERATOR + TAILS[0], 1), entry(RELOAD, 2)])
    assert loop.goes_on(loop.last_at + ONE_PERIOD)
    assert not loop.goes_on(loop.last_at + ONE_PERIOD + timedelta(milliseconds=1))


def test_a_loop_that_outlives_a_reload_is_still_the_same() -> None:
    lines = [entry(GENERATOR + TAILS[0], 1), entry(RELOAD, 2), entry(GENERATOR + TAILS[0], 3)]
    (loop,) = loops_in(lines)
    assert (loop.count, loop.told_anew) == (2, False)
    assert loop.first_at == START + timedelta(seconds=1)


def test_an_entry_that_could_not_be_decoded_is_no_beginning() -> None:
    broken = replace(entry("garbage", 0), at=datetime(1970, 1, 1, tzinfo=UTC), problem="garbage")
    (loop,) = loops_in([broken, entry(GENERATOR + TAILS[0], 1)])
    assert not loop.whole


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("etcd watcher {Watch /x} returned error: cancelled", (Break.WATCHER, True)),
        (
            "etcd watcher {Watch /x} returned error: unexpected end of JSON input",
            (Break.WATCHER, False),
        ),
        ("Unable to get result for {Watch /x}, retrying in 100ms", (Break.RESULT, False)),
        ("Failed getting response from http://x/: cancelled", (Break.RESPONSE, True)),
        ("Failed getting response from http://x/: connection refused", None),
        ("Unable to get result for {Get /x}, retrying in 100ms", None),
    ],
)
def test_a_harmless_line_tells_how_a_watch_ended(
    text: str, told: tuple[Break, bool] | None
) -> None:
    assert harmless(text) == told
