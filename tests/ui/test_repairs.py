"""Past repairs by keys: the list, a report, who repairs right now, and going on with one."""

from datetime import UTC, datetime
from pathlib import Path

import fakes
import past_records
import pytest
from driving import app_of, press_button, until
from fakes import MACHINES, FakeHosts, FakeRegistry, U
from hostile_app import refused
from msgspec.structs import replace
from textual.pilot import Pilot

from fleettui.access import Operator
from fleettui.model.lock import LockHolder
from fleettui.repair.records.past import Closed, PastState, read_past
from fleettui.repair.records.record import Record
from fleettui.ui.dialogs.question import QuestionScreen
from fleettui.ui.repairs.report import ReportScreen
from fleettui.ui.repairs.watch import WatchScreen
from fleettui.ui.wizard.screen import WizardScreen

SIZES = [(80, 24), (120, 40), (200, 60)]
OLD, NEW = "20260101T000000Z-aaaaaa", "20260102T000000Z-bbbbbb"


def operator() -> Operator:
    """An operator of the cluster of `fakes`, whose every act is refused."""
    return refused(fakes.observer())


def holder(stage: str = "reload") -> LockHolder:
    at = datetime(2026, 1, 1, 12, 3, tzinfo=UTC)
    return LockHolder(U("tok"), U("bob@desk"), MACHINES[1].id, U("web@.service"), at, U(stage))


def registry_of(access: Operator) -> FakeRegistry:
    assert isinstance(access.registry, FakeRegistry)
    return access.registry


async def opened(pilot: Pilot[None]) -> str:
    """The list, from the console."""
    await until(pilot, "template-loaded")
    await pilot.press("R")
    return await until(pilot, "REPAIRS")


@pytest.mark.parametrize("size", SIZES)
async def test_the_list_says_of_each_repair_how_it_stands(
    size: tuple[int, int], tmp_path: Path
) -> None:
    past_records.repaired(tmp_path, OLD)
    past_records.killed(tmp_path, NEW)
    running = past_records.begin(tmp_path, "20260103T000000Z-cccccc")
    (tmp_path / "foreign.jsonl").write_text("{}\n")
    async with app_of(fakes.observer(), tmp_path).run_test(size=size) as pilot:
        text = await opened(pilot)
        assert "REPAIRS 4" in text
        for words in ("repaired", "UNFINISHED", "running", "unreadable", "172.17.8.101"):
            assert words in text, words
        assert "zookeeper@.service" in text or size[0] == 80
    running.close()


async def test_a_report_is_read_line_by_line_and_nothing_in_it_is_obeyed(tmp_path: Path) -> None:
    path = past_records.repaired(tmp_path, OLD)
    async with app_of(fakes.observer(), tmp_path).run_test(size=(120, 40)) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        text = await until(pilot, "# ")
        assert isinstance(pilot.app.screen, ReportScreen)
        assert "zookeeper@.service" in text
        await pilot.press("G", "g", "j", "k", "escape")
        await until(pilot, "REPAIRS 1")
    assert path.exists()


async def test_a_report_is_saved_as_markdown_and_json_and_its_path_named(tmp_path: Path) -> None:
    past_records.repaired(tmp_path, OLD)
    app = app_of(fakes.observer(), tmp_path)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await until(pilot, "# ")
        await pilot.press("s")
        await until(pilot, "Saved as")
    saved = {path.suffix for path in (tmp_path / "reports").iterdir()}
    assert saved == {".md", ".json"}


async def test_a_report_is_copied_and_it_is_said_that_the_terminal_does_not_answer(
    tmp_path: Path,
) -> None:
    past_records.repaired(tmp_path, OLD)
    app = app_of(fakes.observer(), tmp_path)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await opened(pilot)
        await pilot.press("enter")
        await until(pilot, "# ")
        await pilot.press("y")
        await until(pilot, "whether it took it")
        assert app.clipboard.startswith("# ")


# --- going on with one ------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_a_repair_that_was_left_is_offered_at_the_start(
    size: tuple[int, int], tmp_path: Path
) -> None:
    past_records.left(tmp_path, OLD)
    past_records.killed(tmp_path, NEW)
    async with app_of(operator(), tmp_path).run_test(size=size) as pilot:
        text = await until(pilot, "A repair was left unfinished")
        for words in (
            "zookeeper@.service",
            "172.17.8.101",
            MACHINES[0].id.raw,
            "IN DOUBT",
            "delete",
        ):
            assert words in text, words
        assert "1 more" in text
        assert "Resume" in text
        await pilot.press("enter")
        await until(pilot, "A repair was left unfinished", gone=True)
        assert not isinstance(pilot.app.screen, WizardScreen), "enter alone is no yes"


async def test_resuming_opens_the_wizard_which_looks_first(tmp_path: Path) -> None:
    past_records.left(tmp_path, OLD)
    async with app_of(operator(), tmp_path).run_test(size=(120, 40)) as pilot:
        text = await until(pilot, "A repair was left unfinished")
        assert "Nothing is in doubt" in text
        await press_button(pilot, "Resume")
        await until(pilot, "1 Locate")
        await until(pilot, "AFFECTED")


async def test_an_observer_is_offered_nothing_and_may_not_go_on(tmp_path: Path) -> None:
    past_records.left(tmp_path, OLD)
    app = app_of(fakes.observer(), tmp_path)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        text = await opened(pilot)
        assert "UNFINISHED: delete" in text
        assert not isinstance(pilot.app.screen, QuestionScreen)
        await pilot.press("r")
        await until(pilot, "OBSERVER")


async def test_a_repair_of_another_cluster_is_listed_and_not_offered(tmp_path: Path) -> None:
    past_records.left(tmp_path, OLD, past_records.ELSEWHERE)
    app = app_of(operator(), tmp_path)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        assert "UNFINISHED" in await opened(pilot)
        await pilot.press("r")
        await until(pilot, "another cluster: http://10.9.9.9:2379")


async def test_from_the_list_r_goes_on_with_what_was_left_and_with_nothing_else(
    tmp_path: Path,
) -> None:
    past_records.repaired(tmp_path, OLD)
    past_records.left(tmp_path, NEW)
    app = app_of(operator(), tmp_path)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, "A repair was left unfinished")
        await pilot.press("escape")
        await opened(pilot)
        await pilot.press("G", "r")
        await until(pilot, "came to its end")
        await pilot.press("g", "r")
        await until(pilot, "1 Locate")
        assert isinstance(pilot.app.screen, WizardScreen)


async def test_what_was_left_is_given_up_only_by_a_yes_and_its_record_says_so(
    tmp_path: Path,
) -> None:
    path = past_records.killed(tmp_path, OLD)
    access = operator()
    async with app_of(access, tmp_path).run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, "A repair was left unfinished")
        await pilot.press("escape")
        await opened(pilot)
        before = path.read_bytes()
        await pilot.press("x")
        text = await until(pilot, "Give this repair up?")
        assert "IN DOUBT" in text
        assert "Nothing is changed on the cluster" in text
        await pilot.press("enter")
        await until(pilot, "Give this repair up?", gone=True)
        assert path.read_bytes() == before, "enter alone is no yes"
        await pilot.press("x")
        await press_button(pilot, "Give it up")
        await until(pilot, "given up")
        await pilot.press("x")
        await until(pilot, "came to its end")
    past = read_past(path)
    assert (past.state, past.closed) == (PastState.FINISHED, Closed.GIVEN_UP)
    assert past.in_doubt, "what is in doubt stays in doubt"
    assert "ann@desk" in (tmp_path / "reports" / f"{OLD}.md").read_text()
    async with app_of(operator(), tmp_path).run_test(size=(80, 24)) as pilot:
        await until(pilot, "template-loaded")
        assert not isinstance(pilot.app.screen, QuestionScreen), "nothing is offered any more"


async def test_a_repair_that_another_fleettui_drives_by_now_is_not_given_up(tmp_path: Path) -> None:
    path = past_records.left(tmp_path, OLD)
    app = app_of(operator(), tmp_path)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, "A repair was left unfinished")
        await pilot.press("escape")
        await opened(pilot)
        await pilot.press("x")
        await until(pilot, "Give this repair up?")
        driven = Record.reopen(path)
        await press_button(pilot, "Give it up")
        await until(pilot, "It was not given up")
        driven.close()
    assert read_past(path).closed is None


# --- somebody else ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_who_repairs_right_now_stands_on_the_console_and_can_be_watched(
    size: tuple[int, int], tmp_path: Path
) -> None:
    access = operator()
    async with app_of(access, tmp_path).run_test(size=size) as pilot:
        await until(pilot, "template-loaded")
        registry_of(access).show_lock(holder())
        text = await until(pilot, "UNDER REPAIR by bob@desk")
        assert "reload" in text
        await opened(pilot)
        await pilot.press("enter")
        text = await until(pilot, "A REPAIR IS UNDER WAY")
        assert isinstance(pilot.app.screen, WatchScreen)
        for words in ("bob@desk", "web@.service", "172.17.8.102", "2026-01-01 12:03:00", "reload"):
            assert words in text, words
        await until(pilot, "on 172.17.8.102")
        registry_of(access).show_lock(holder("restart"))
        text = await until(pilot, "restart")
        assert "reload" in text, "the stages before stay in view"
        registry_of(access).show_lock(None)
        await until(pilot, "Nobody repairs right now")


async def test_watching_ends_the_journal_of_its_machine_when_it_is_left(tmp_path: Path) -> None:
    access = operator()
    async with app_of(access, tmp_path).run_test(size=(120, 40)) as pilot:
        await until(pilot, "template-loaded")
        registry_of(access).show_lock(holder())
        await until(pilot, "UNDER REPAIR")
        await pilot.press("R", "enter")
        await until(pilot, "A REPAIR IS UNDER WAY")
        assert isinstance(access.hosts, FakeHosts)
        assert any(tail[0] == MACHINES[1].id for tail in access.hosts.tails)
        await pilot.press("escape", "escape")
        assert "MACHINES" in await until(pilot, "MACHINES")


async def test_a_lock_that_cannot_be_read_is_held_all_the_same(tmp_path: Path) -> None:
    access = operator()
    async with app_of(access, tmp_path).run_test(size=(120, 40)) as pilot:
        await until(pilot, "template-loaded")
        nobody = U("")
        registry_of(access).show_lock(
            replace(holder(), who=nobody, subject=nobody, problem="it is no JSON object")
        )
        await until(pilot, "UNDER REPAIR; R watches")
        await pilot.press("R", "enter")
        assert "it is no JSON object" in await until(pilot, "cannot be read")
