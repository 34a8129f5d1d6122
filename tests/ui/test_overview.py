"""The overview: what it counts, what it remembers, and that it stays in bounds."""

from datetime import UTC, datetime, timedelta

import fakes
import pytest
from driving import app_of, screen_text, until
from fakes import IDS, MACHINES, FakeRegistry, U
from msgspec.structs import replace

from fleettui.model.cluster import Leader, Link, RegistryView, Snapshot, Unit
from fleettui.ui.overview.board import (
    chart,
    events_panel,
    findings_panel,
    machine_panel,
    unit_panel,
)
from fleettui.ui.overview.trail import AT_ONCE, CHANGES, SLOT, SLOTS, Trail
from fleettui.ui.picture import Picture

AT = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def picture(shown: Snapshot) -> Picture:
    return Picture().with_view(RegistryView(Link.LIVE, AT, shown))


def units(shown: Snapshot, *changed: Unit) -> Snapshot:
    return replace(shown, units={**shown.units, **{unit.name: unit for unit in changed}})


BEFORE = fakes.snapshot(fakes.unit("web.service", 0), fakes.unit("idle.service", None))
WEB = BEFORE.units[U("web.service")]


@pytest.mark.parametrize(
    ("after", "told"),
    [
        (
            units(BEFORE, fakes.unit("web.service", 1)),
            {
                ("engine", "web.service on", "172.17.8.101", "172.17.8.102"),
                ("172.17.8.102", "web.service", "no state", "active running"),
                ("172.17.8.101", "web.service", "active running", "no state"),
            },
        ),
        (
            units(
                BEFORE,
                replace(WEB, states=(replace(WEB.states[0], active=U("failed")),)),
            ),
            {("172.17.8.101", "web.service", "active running", "failed running")},
        ),
        (
            units(BEFORE, replace(WEB, target_state=U("loaded"))),
            {("somebody", "web.service wanted", "launched", "loaded")},
        ),
        (
            replace(BEFORE, units={WEB.name: WEB}),
            {("registry", "idle.service", "", "destroyed")},
        ),
        (
            replace(BEFORE, leader=Leader(U(IDS[1]))),
            {("engine", "leader", "11111111.../172.17.8.101", "22222222.../172.17.8.102")},
        ),
        (
            replace(BEFORE, machines={m.id: m for m in MACHINES[:2]}),
            {("registry", "33333333.../172.17.8.103", "", "left")},
        ),
        (replace(BEFORE, read_at=AT), set()),
    ],
)
def test_a_change_is_told_with_who_made_it_and_from_what_to_what(
    after: Snapshot, told: set[tuple[str, ...]]
) -> None:
    before = picture(BEFORE)
    trail = Trail().went_on(before, before.with_view(RegistryView(Link.LIVE, AT, after)), AT)
    assert {
        (c.who, c.subject, c.before, c.after) for c in trail.changes() if c.who != "rules"
    } == told


def test_findings_and_events_are_counted_per_slot_and_what_was_not_watched_is_not_zero() -> None:
    healthy, broken = picture(replace(BEFORE, index=10)), picture(replace(BEFORE, index=17))
    broken = replace(broken, findings=picture(fakes.faulted()).findings)
    assert broken.findings
    trail = Trail().went_on(Picture(), healthy, AT)
    trail = trail.went_on(healthy, broken, AT + timedelta(seconds=SLOT))
    later = AT + timedelta(seconds=SLOT * 3)
    count = len(broken.findings)
    assert trail.findings(6, later) == [None, None, 0, count, count, count]
    assert trail.events(6, later) == [None, None, 0, 7, 0, 0]


def test_the_trail_stays_in_bounds_and_says_how_much_it_left_out() -> None:
    trail, before = Trail(), picture(BEFORE)
    for step in range(SLOTS + 50):
        many = [fakes.unit(f"u{step}-{n}.service", 0) for n in range(AT_ONCE + 5)]
        after = replace(before, view=replace(before.view, snapshot=units(BEFORE, *many)))
        trail = trail.went_on(before, after, AT + timedelta(seconds=step * SLOT))
    assert len(trail.slots) == SLOTS
    assert len(trail.changes()) == CHANGES
    assert trail.changes(1)[0].subject == "5 more at once"


RUN = [fakes.unit(f"u{n:04}.service", 0) for n in range(1500)]


def said(shown: Unit, *, sub: str = "running") -> Unit:
    """The unit with its state written anew, in these words."""
    return replace(shown, states=(replace(shown.states[0], sub=U(sub), index=99),))


@pytest.mark.parametrize(
    ("changed", "renewed", "told"),
    [
        (AT_ONCE, 30, ["172.17.8.101"] * AT_ONCE),
        (AT_ONCE + 1, 0, ["1 more at once", *["172.17.8.101"] * AT_ONCE]),
        (AT_ONCE + 7, 30, ["7 more at once", *["172.17.8.101"] * AT_ONCE]),
        (1400, 100, ["1360 more at once", *["172.17.8.101"] * AT_ONCE]),
        (0, 1500, []),
    ],
)
def test_of_many_changes_some_are_told_and_what_says_the_same_is_no_change(
    changed: int, renewed: int, told: list[str]
) -> None:
    before = picture(units(BEFORE, *RUN))
    new = [said(unit, sub="exited") for unit in RUN[:changed]]
    new += [said(unit) for unit in RUN[changed : changed + renewed]]
    trail = Trail().went_on(before, picture(units(BEFORE, *RUN, *new)), AT)
    for _ in range(2):
        assert [change.who or change.subject for change in trail.changes()] == told


def test_what_the_rules_found_and_who_left_is_told_however_many_units_change() -> None:
    before = picture(units(BEFORE, *RUN[:100]))
    new = units(BEFORE, *(said(unit, sub="exited") for unit in RUN[:100]))
    after = picture(replace(new, machines={m.id: m for m in MACHINES[:2]}))
    after = replace(after, findings=picture(fakes.faulted()).findings)
    trail = Trail().went_on(before, after, AT)
    first = [(change.who, change.subject, change.after) for change in trail.changes(3)]
    assert first == [
        ("rules", str(after.findings[0].unit), after.findings[0].fault),
        ("registry", "33333333.../172.17.8.103", "left"),
        ("", f"{100 + 2 - AT_ONCE} more at once", ""),
    ]


@pytest.mark.parametrize("link", [Link.CONNECTING, Link.LOST])
def test_before_the_first_read_nothing_is_counted_and_no_number_is_claimed(link: Link) -> None:
    before = Picture()
    unread = before.with_view(RegistryView(link, AT, None))
    trail = Trail().went_on(before, unread, AT)
    panels = (
        *machine_panel(unread, 40),
        *unit_panel(unread, 40),
        *findings_panel(unread, trail, AT, 40, 1),
        *events_panel(unread, trail, AT, 40, 1),
    )
    words = "\n".join(line.plain for line in panels)
    assert words.count("nothing is known yet") == 3
    assert "nothing was counted yet" in words
    assert not set("▁▂▃▄▅▆▇█") & set(words)
    assert "0 now" not in words


def test_of_an_empty_registry_that_was_read_the_overview_says_so() -> None:
    empty = picture(fakes.snapshot(machines=()))
    words = [line.plain for line in (*machine_panel(empty, 40), *unit_panel(empty, 40))]
    assert words == ["no machine has joined this cluster", "no unit is in the registry"]


def test_a_chart_shows_the_most_in_full_a_zero_as_a_line_and_the_unknown_as_nothing() -> None:
    assert chart([None, 0, 1, 4, 8], 1) == [" ▁▁▄█"]
    assert chart([8, 0], 2) == ["█ ", "█▁"]


def test_a_hundred_machines_are_a_map_of_glyphs_that_are_told_apart_without_colour() -> None:
    machines = [replace(MACHINES[0], id=U(f"{n:032d}")) for n in range(100)]
    lines = [line.plain for line in machine_panel(picture(fakes.snapshot(machines=machines)), 40)]
    assert "100 asking" in lines[0]
    assert sum(line.count("…") for line in lines[1:]) == 100
    assert max(map(len, lines)) <= 40


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40), (200, 60)])
async def test_o_shows_the_cluster_at_a_glance_and_goes_on_while_it_changes(
    size: tuple[int, int],
) -> None:
    observer = fakes.observer()
    registry = observer.registry
    assert isinstance(registry, FakeRegistry)
    async with app_of(observer).run_test(size=size) as pilot:
        await until(pilot, "template-loaded")
        await pilot.press("o")
        await until(pilot, "1 BROKEN")
        await until(pilot, "LOADED TEMPLATE   1")
        registry.show(units(registry.shown, fakes.unit("new.service", 1)))
        await until(pilot, "active            4")
        if size[1] > 20:
            await until(pilot, "new.service")
            assert "submitted" in screen_text(pilot)
        await pilot.press("escape")
        await until(pilot, "UNITS 7")
