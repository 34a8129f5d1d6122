"""A machine that leaves the registry: still shown, still asked, still diagnosed."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from time import monotonic

import fakes
import pytest
from demo_session import console
from driving import app_of, screen_text, until
from fakes import MACHINES, FakeHosts, FakeRegistry, U
from msgspec.structs import replace
from textual.pilot import Pilot

from fleettui.access import Observer
from fleettui.demo.cluster import DemoCluster, DemoSettings
from fleettui.model.clock import now
from fleettui.model.cluster import Leader, Link, Machine, RegistryView, Snapshot
from fleettui.model.host import HostFacts, JournalEntry, NotChecked
from fleettui.model.untrusted import Untrusted
from fleettui.ui import rounds
from fleettui.ui.app import FleetApp
from fleettui.ui.console.rows import unit_rows
from fleettui.ui.detail.screen import DetailScreen
from fleettui.ui.detail.text import machine_lines
from fleettui.ui.picture import Picture
from fleettui.ui.widgets.grid import Grid

LEAVER = MACHINES[1]
MOVED = replace(LEAVER, public_ip=U("172.17.8.199"))
STAYED = (MACHINES[0], MACHINES[2])


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask each machine about once a second."""
    monkeypatch.setattr(rounds, "PROBE_EVERY", timedelta(seconds=0.2))
    monkeypatch.setattr(rounds, "PROBES_PER_SECOND", 100)


def healthy(machines: Sequence[Machine] = MACHINES) -> Snapshot:
    seen = fakes.snapshot(fakes.unit("web@1.service", 1), machines=machines)
    return replace(seen, leader=Leader(MACHINES[0].id))


def session(*silent: Machine) -> Observer:
    """A healthy cluster in which some machines cannot be asked."""
    made = fakes.observer(healthy())
    asked = [machine for machine in MACHINES if machine not in silent]
    hosts(made).reports = {machine.id: fakes.facts(machine) for machine in asked}
    return made


def hosts(observer: Observer) -> FakeHosts:
    assert isinstance(observer.hosts, FakeHosts)
    return observer.hosts


def show(observer: Observer, machines: Sequence[Machine]) -> None:
    assert isinstance(observer.registry, FakeRegistry)
    observer.registry.show(healthy(machines))


def row_of(text: str, machine: Machine) -> str:
    return next(line for line in text.splitlines() if f"{machine.short_id} " in line)


async def leave(pilot: Pilot[None], observer: Observer) -> str:
    """Have one machine leave; the screen's text then."""
    await until(pilot, "3 of 3 machines checked")
    show(observer, STAYED)
    await until(pilot, "MACHINES 2, 1 left the registry")
    return await until(pilot, LEAVER.short_id)  # the table grows by its row a moment later


def waiting_for_etcd() -> Iterator[JournalEntry]:
    yield fakes.entry("INFO fleetd.go:64: Starting fleetd version 0.11.8", 1)
    yield fakes.entry("INFO server.go:160: Establishing etcd connectivity", 1)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_a_machine_that_left_stays_in_the_table_and_is_not_called_good(
    size: tuple[int, int],
) -> None:
    observer = session()
    async with app_of(observer).run_test(size=size) as pilot:
        text = await leave(pilot, observer)
        row = row_of(text, LEAVER)
        assert "not listed" in row
        assert "left " in row
        assert "no fault" not in row
        assert "no fault" in row_of(text, STAYED[1])
        assert "2 machines, 1 left" in text
        assert "3 of 3 machines checked" in text


async def test_one_that_cannot_be_reached_any_more_is_not_checked() -> None:
    observer = session()
    async with app_of(observer).run_test(size=(120, 40)) as pilot:
        await leave(pilot, observer)
        del hosts(observer).reports[LEAVER.id]
        text = await until(pilot, "2 of 3 machines checked")
        assert "NOT CHECKED" in row_of(text, LEAVER)


async def test_what_it_says_after_it_left_is_diagnosed_and_its_finding_can_be_opened() -> None:
    observer = session()
    async with app_of(observer).run_test(size=(120, 40)) as pilot:
        await leave(pilot, observer)
        waits = replace(fakes.facts(LEAVER), journal=tuple(waiting_for_etcd()))
        hosts(observer).reports[LEAVER.id] = waits
        text = await until(pilot, "etcd-unreachable")
        assert "BROKEN" in row_of(text, LEAVER)
        pilot.app.screen.query_one("#findings", Grid).focus()
        await pilot.press("enter")
        text = await until(pilot, "What can be done")
        assert "Establishing etcd connectivity" in text
        assert f"machines/{LEAVER.id.raw}/object" in text


async def test_enter_on_its_row_opens_all_that_is_known_of_it() -> None:
    observer = session()
    async with app_of(observer).run_test(size=(120, 40)) as pilot:
        await leave(pilot, observer)
        await pilot.press("G", "enter")
        text = await until(pilot, "left the registry")
        assert isinstance(pilot.app.screen, DetailScreen)
        assert LEAVER.id.raw in text
        assert "Services, as systemd sees them" in text


async def test_a_machine_that_is_back_is_as_before() -> None:
    observer = session()
    async with app_of(observer).run_test(size=(120, 40)) as pilot:
        await leave(pilot, observer)
        show(observer, MACHINES)
        text = await until(pilot, "MACHINES 3 ")
        assert "no fault" in row_of(text, LEAVER)
        assert "left the registry" not in text


async def test_a_unit_whose_machine_left_is_not_shown_as_being_there() -> None:
    observer = session()
    async with app_of(observer).run_test(size=(120, 40)) as pilot:
        await leave(pilot, observer)
        app = pilot.app
        assert isinstance(app, FleetApp)
        (row,) = unit_rows(app.picture)
        assert row.cells[-1].text == "gone: 172.17.8.102"
        assert "gone: 172" in screen_text(pilot)


async def test_an_address_that_a_machine_left_for_another_is_asked_on_too() -> None:
    observer = session()
    asked: list[Untrusted] = []
    probe = observer.hosts.probe

    async def noted(machine: Machine, *args: object) -> HostFacts:
        asked.append(machine.public_ip)
        return await probe(machine)

    observer.hosts.probe = noted  # type: ignore[method-assign, assignment]  # watched, then passed on
    async with app_of(observer).run_test(size=(120, 40)) as pilot:
        await until(pilot, "3 of 3 machines checked")
        show(observer, (MACHINES[0], MOVED, MACHINES[2]))
        await until(pilot, MOVED.public_ip.raw)
        asked.clear()
        end = monotonic() + 30
        while not {LEAVER.public_ip, MOVED.public_ip} <= set(asked):
            assert monotonic() < end, f"asked were {asked}"
            await pilot.press("ctrl+r")  # who is being asked already is not asked once more
            await asyncio.sleep(0.05)


async def test_a_demo_machine_that_lost_its_etcd_leaves_and_stays_found(tmp_path: Path) -> None:
    settings = DemoSettings(fault="etcd-unreachable", ttl=18, lease_ttl=4, pull=0.2)
    async with DemoCluster(settings) as demo, console(demo, tmp_path) as pilot:
        machine = demo.machines[1]
        await until(pilot, "MACHINES 2, 1 left the registry", within=60)
        await until(pilot, "etcd-unreachable", within=40)
        row = next(x for x in screen_text(pilot).splitlines() if f"{machine.id[:8]}... " in x)
        assert "BROKEN" in row
        pilot.app.screen.query_one("#findings", Grid).focus()
        await pilot.press("enter")
        await until(pilot, "has tried to reach etcd", within=40)
        await until(pilot, f"machines/{machine.id}/object")


# --- the picture ------------------------------------------------------------------------------


def picture(*listings: Sequence[Machine]) -> Picture:
    """After these listings of the registry, one after another."""
    made = Picture()
    for listed in listings:
        made = made.with_view(view(listed))
    return made


def view(machines: Sequence[Machine]) -> RegistryView:
    return RegistryView(Link.LIVE, now(), healthy(machines))


def test_a_machine_is_asked_where_it_is_and_where_it_was() -> None:
    seen = picture(MACHINES, (MACHINES[0], MOVED, MACHINES[2]))
    assert list(seen.machines) == [MACHINES[0], MOVED, MACHINES[2]]
    assert list(seen.places) == [MACHINES[0], MOVED, MACHINES[2], LEAVER]


def test_an_answer_from_a_former_address_is_not_taken_for_the_machines_own() -> None:
    own, other = fakes.facts(MOVED), fakes.facts(LEAVER)
    seen = picture(MACHINES, (MACHINES[0], MOVED, MACHINES[2])).with_reports([(own, MOVED)])
    assert seen.last_report(LEAVER) is None
    seen = seen.with_reports([(other, LEAVER)])
    assert seen.reports[LEAVER.id] is own
    assert seen.last_report(LEAVER) is other
    refused = NotChecked(LEAVER.id, now(), U("connection refused"))
    assert seen.with_reports([(refused, LEAVER)]).last_report(LEAVER) is refused


def test_a_departed_machine_keeps_its_last_report_and_its_name() -> None:
    facts = fakes.facts(LEAVER)
    seen = picture(MACHINES).with_reports([(facts, LEAVER)]).with_view(view(STAYED))
    assert seen.facts(LEAVER.id) is facts
    assert seen.machine(LEAVER.id) == LEAVER
    assert seen.named(LEAVER.id) == f"{LEAVER.short_id}/172.17.8.102"
    assert seen.named(U("f" * 32)) == "ffffffff..."


def test_the_details_of_a_machine_say_when_it_left_and_where_it_was_before() -> None:
    seen = picture(MACHINES, (MACHINES[0], MOVED, MACHINES[2]), STAYED)
    said = [line.plain for line in machine_lines(MOVED, seen)]
    assert re.fullmatch(r"left the registry 0 s ago, at [0-9:]{8} UTC; it is asked on", said[1])
    assert said[2].startswith("  was before   at 172.17.8.102, until ")
    assert not any("left the registry" in line.plain for line in machine_lines(STAYED[0], seen))


def test_reports_of_machines_that_nobody_remembers_are_dropped() -> None:
    stranger = Machine(U("f" * 32), U("172.17.8.250"))
    told = replace(fakes.facts(LEAVER), machine_id=stranger.id)
    seen = picture(MACHINES).with_reports([(told, stranger)])
    assert stranger.id in seen.reports
    assert stranger.id not in seen.with_view(view(MACHINES)).reports
