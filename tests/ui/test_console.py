"""The console, driven by keys: what is shown, what stays in place, and what an observer may do."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from threading import Thread

import fakes
import pytest
from driving import app_of, screen_text, until, when
from fakes import MACHINES, TEMPLATE, FakeHosts, FakeRegistry, U
from msgspec import structs
from msgspec.structs import replace
from textual.events import AppBlur, AppFocus, MouseScrollDown, Resize
from textual.geometry import Size
from textual.screen import Screen
from textual.widgets import Static

from fleettui.access import HostKeyQuestion, SecretQuestion
from fleettui.demo.faults import FAULTS
from fleettui.model.clock import now
from fleettui.model.cluster import Link, RegistryView
from fleettui.model.secret import Secret
from fleettui.ui.console.rows import FINDING_COLUMNS
from fleettui.ui.detail.screen import DetailScreen
from fleettui.ui.dialogs.help import HelpScreen
from fleettui.ui.dialogs.question import QuestionScreen
from fleettui.ui.overview.screen import OverviewScreen
from fleettui.ui.widgets.footer import KeyFooter
from fleettui.ui.widgets.grid import Grid
from fleettui.ui.widgets.journal import JournalPane

SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES)
async def test_the_fault_its_machine_and_the_next_key_are_seen_without_a_key(
    size: tuple[int, int],
) -> None:
    async with app_of(fakes.observer()).run_test(size=size) as pilot:
        text = await until(pilot, "template-loaded")
        await until(pilot, "BROKEN")
        text = await until(pilot, "Failed fetching current unit states")
        for words in ("zookeeper@.service", "172.17.8.101", "LOADED TEMPLATE", "r Repair"):
            assert words in text, words


async def test_first_paint_comes_before_the_network() -> None:
    observer = fakes.observer()
    registry = observer.registry
    assert isinstance(registry, FakeRegistry)
    app = app_of(observer)
    seen: list[str] = []
    follow = registry.follow

    def connect(sink: Callable[[RegistryView], None]) -> None:
        sink(RegistryView(Link.CONNECTING, now()))
        seen.append(app.screen.query_one(Static).region.size.height * "painted")
        follow(sink)

    def late(sink: Callable[[RegistryView], None]) -> None:
        threads.append(Thread(target=connect, args=(sink,)))
        threads[0].start()

    threads: list[Thread] = []
    registry.follow = late  # type: ignore[method-assign]  # watched, then passed on
    async with app.run_test() as pilot:
        await until(pilot, "template-loaded")
        threads[0].join()
    assert seen[0].startswith("painted")


async def test_a_machine_that_could_not_be_asked_is_never_shown_as_good() -> None:
    async with app_of(fakes.observer()).run_test(size=(120, 40)) as pilot:
        text = await until(pilot, "? 33333333... ")
        row = next(line for line in text.splitlines() if "33333333... " in line)
        assert "no fault" not in row
        assert "2 of 3 machines checked" in await until(pilot, "2 of 3")


async def test_a_lost_registry_is_shown_and_the_last_picture_stays() -> None:
    observer = fakes.observer()
    registry = observer.registry
    assert isinstance(registry, FakeRegistry)
    async with app_of(observer).run_test(size=(120, 40)) as pilot:
        await until(pilot, "zookeeper@1.service")
        registry.show(registry.shown, Link.LOST, "connection refused")
        text = await until(pilot, "STALE since")
        assert "connection refused" in text
        assert "zookeeper@1.service" in text
        registry.show(registry.shown)
        await until(pilot, "LIVE")


async def test_the_cursor_stays_on_its_row_while_rows_come_and_go() -> None:
    observer = fakes.observer()
    registry = observer.registry
    assert isinstance(registry, FakeRegistry)
    async with app_of(observer).run_test(size=(120, 40)) as pilot:
        await until(pilot, "template-loaded")
        await pilot.press("tab", "g", "j", "j")
        grid = pilot.app.screen.query_one("#units", Grid)
        assert grid.cursor_key == TEMPLATE
        units = registry.shown.units
        more = {u.name: u for u in (fakes.unit(f"a{n}.service", 0) for n in range(30))}
        registry.show(replace(registry.shown, units={**more, **units}))
        await until(pilot, "UNITS 36")
        assert grid.cursor_key == TEMPLATE
        assert "zookeeper@.service" in screen_text(pilot)
        rest = {n: u for n, u in units.items() if n != TEMPLATE}
        registry.show(replace(registry.shown, units=rest))
        await until(pilot, "UNITS 5")
        assert grid.cursor_key is not None


async def test_scrolling_up_pauses_the_view_and_nothing_is_lost() -> None:
    async with app_of(fakes.observer()).run_test(size=(120, 40)) as pilot:
        await until(pilot, "Failed fetching")
        pane = pilot.app.screen.query_one(JournalPane)
        before = pane.received
        await pilot.press("l", "c", "k", "k", "k", "k")
        text = await until(pilot, "paused")
        top = pane.top
        pane.take([fakes.entry("INFO a.go:1: number 1"), fakes.entry("ERROR a.go:1: number 2")])
        text = await until(pilot, "+2 new, 1 error")
        assert "number 1" not in text
        assert pane.top == top
        assert pane.received == before + 2
        await pilot.press("f")
        text = await until(pilot, "number 2")
        assert "number 1" in text
        assert "following" in text


async def test_the_journal_follows_the_chosen_machine() -> None:
    async with app_of(fakes.observer()).run_test(size=(120, 40)) as pilot:
        await until(pilot, "fleet.service on 172.17.8.101")
        await pilot.press("j")
        await until(pilot, "fleet.service on 172.17.8.102")


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("enter",), "Folder /run/fleet/units"),
        (("tab", "enter"), "only its instances can run"),
        (("tab", "tab", "tab", "enter"), "What can be done"),
    ],
)
async def test_enter_opens_everything_known_and_escape_returns(
    keys: tuple[str, ...], words: str
) -> None:
    async with app_of(fakes.observer()).run_test(size=(120, 40)) as pilot:
        await until(pilot, "template-loaded")
        await pilot.press(*keys)
        await until(pilot, words)
        assert isinstance(pilot.app.screen, DetailScreen)
        await pilot.press("escape")
        await until(pilot, "MACHINES 3")


async def test_help_lists_the_keys_that_work_here() -> None:
    async with app_of(fakes.observer()).run_test(size=(120, 40)) as pilot:
        await until(pilot, "template-loaded")
        await pilot.press("question_mark")
        await until(pilot, "Open the wizard on the selected finding")
        assert isinstance(pilot.app.screen, HelpScreen)


async def test_observer_stays_on_the_screen_and_r_says_why_it_does_nothing() -> None:
    async with app_of(fakes.observer()).run_test(size=(120, 40), notifications=True) as pilot:
        text = await until(pilot, "template-loaded")
        assert "OBSERVER" in text
        await pilot.press("r")
        await until(pilot, "OBSERVER: this session")


async def test_an_unknown_host_key_is_asked_with_no_as_the_answer_of_enter() -> None:
    observer = fakes.observer()
    hosts = observer.hosts
    assert isinstance(hosts, FakeHosts)
    async with app_of(observer).run_test(size=(80, 24)) as pilot:
        await until(pilot, "template-loaded")
        assert hosts.asker is not None
        question = HostKeyQuestion(
            U("172.17.8.101"), 22, "ssh-ed25519", "SHA256:" + "x" * 43, "MD5:aa:bb", "known_hosts"
        )
        for keys, answer in ((("enter",), False), (("tab", "enter"), True), (("escape",), False)):
            worker = pilot.app.run_worker(hosts.asker(question))
            text = await until(pilot, "Unknown host key")
            assert "x" * 43 in text
            assert isinstance(pilot.app.screen, QuestionScreen)
            await pilot.press(*keys)
            assert await worker.wait() is answer


async def test_a_new_machine_is_asked_by_itself() -> None:
    observer = fakes.observer(fakes.snapshot(machines=MACHINES[1:2]))
    registry = observer.registry
    assert isinstance(registry, FakeRegistry)
    async with app_of(observer).run_test(size=(120, 40)) as pilot:
        await until(pilot, "nothing is wrong, as far as this was checked")
        registry.show(fakes.snapshot())
        await until(pilot, "BROKEN")


async def test_noise_is_muted_beside_what_is_said() -> None:
    async with app_of(fakes.observer()).run_test(size=(120, 40)) as pilot:
        await until(pilot, "Failed getting response")
        strips = pilot.app.screen._compositor.render_strips()
        colours = {
            words: segment.style.color
            for strip in strips
            for segment in strip
            for words in ("Establishing", "Failed getting response")
            if segment.style is not None and words in segment.text
        }
        assert len(set(colours.values())) == 2


async def give(answer: Awaitable[Secret | None]) -> Secret | None:
    return await answer


@pytest.mark.parametrize(("keys", "answer"), [("enter", "pa[ss"), ("escape", None)])
async def test_a_secret_is_typed_unseen_and_given_back_or_not(
    keys: str, answer: str | None
) -> None:
    observer = fakes.observer()
    hosts = observer.hosts
    assert isinstance(hosts, FakeHosts)
    question = SecretQuestion(
        "Passphrase of the private key /home/[b]a", "That passphrase is wrong."
    )
    async with app_of(observer).run_test() as pilot:
        await until(pilot, "BROKEN")
        assert hosts.secret_asker is not None
        elsewhere = contextvars.Context()  # as a tunnel asks, which a thread has begun
        asking = asyncio.create_task(give(hosts.secret_asker(question)), context=elsewhere)
        text = await until(pilot, question.what)
        assert question.why in text
        await pilot.press("p", "a", "left_square_bracket", "s", "s")
        assert "pa[ss" not in screen_text(pilot)
        await pilot.press(keys)
        given = await asking
        await until(pilot, question.what, gone=True)
    assert (given and given.reveal()) == answer
    assert "pa[ss" not in repr(given)


async def test_under_a_stream_of_news_nothing_jumps_and_a_change_is_lit_for_a_while() -> None:
    many = [fakes.unit(f"u{n:03d}.service", n % 2) for n in range(200)]
    shown = fakes.snapshot(*many)
    observer = fakes.observer(shown)
    registry = observer.registry
    assert isinstance(registry, FakeRegistry)
    async with app_of(observer).run_test(size=(80, 24)) as pilot:
        await until(pilot, "UNITS 200")
        await pilot.press("tab", "G", "k", "k", "k")
        grid = pilot.app.screen.query_one("#units", Grid)
        key, top, view = grid.cursor_key, grid.top, screen_text(pilot)
        changed = grid.region
        for step in range(20):
            word = "failed" if step % 2 else "active"
            unit = many[step]
            states = tuple(structs.replace(state, active=U(word)) for state in unit.states)
            shown = replace(
                shown, units={**shown.units, unit.name: structs.replace(unit, states=states)}
            )
            registry.show(shown)
            await pilot.pause()
            assert (grid.cursor_key, grid.top, grid.region) == (key, top, changed)
        rows = [line for line in view.splitlines() if ".service" in line and "u1" in line]
        assert all(row in screen_text(pilot) for row in rows)

        last = many[196]
        failed = structs.replace(
            last, states=tuple(structs.replace(s, active=U("failed")) for s in last.states)
        )
        registry.show(replace(shown, units={**shown.units, last.name: failed}))
        await until(pilot, "failed running")
        lit = grid.get_component_rich_style("lines--flash").bgcolor

        def is_lit() -> bool:
            strips = pilot.app.screen._compositor.render_strips()
            words = (s for strip in strips for s in strip if "failed running" in s.text)
            return any(s.style is not None and s.style.bgcolor == lit for s in words)

        assert is_lit()
        await when(lambda: not is_lit(), "the changed cell calms down")


async def test_what_matters_stays_in_view_on_a_very_small_terminal() -> None:
    async with app_of(fakes.observer()).run_test(size=(60, 15)) as pilot:
        for words in (
            "BROKEN", "template-loaded", "zookeeper@.service", "172.17.8.101", "r Repair"
        ):  # fmt: skip # one a line reads worse
            await until(pilot, words)
        await pilot.press("tab")
        assert "LOADED TEMPLATE" in await until(pilot, "LOADED TEMPLATE")
        await pilot.press("tab")
        await until(pilot, "Failed fetching")
        assert "template-loaded" in screen_text(pilot)


@pytest.mark.parametrize("name", ["findings", "machines", "units", "journal"])
async def test_on_a_very_small_terminal_the_pane_in_focus_has_all_the_room(name: str) -> None:
    async with app_of(fakes.observer()).run_test(size=(60, 15)) as pilot:
        await until(pilot, "BROKEN")
        # Two lines are the header's, one has the keys; a folded pane has its title, and the
        # findings the first of them.
        expected = {"findings": 2, "machines": 1, "units": 1, "journal": 1}
        expected[name] = 12 - sum(height for pane, height in expected.items() if pane != name)
        panes = [pilot.app.screen.query_one(f"#{pane}") for pane in expected]
        pilot.app.screen.query_one(f"#{name}").focus()
        await when(lambda: {p.id: p.size.height for p in panes} == expected, "it has its room")
        await pilot.press("Z")
        focused = pilot.app.focused
        assert focused is not None
        await when(lambda: focused.size.height == 12, "it has all of it")
        pilot.app.post_message(AppBlur())
        await when(lambda: pilot.app.focused is None, "the terminal is not in focus")
        await pilot.pause(0.2)
        assert (focused.size.height, pilot.app.screen.max_scroll_y) == (12, 0)
        pilot.app.post_message(AppFocus())
        await when(lambda: pilot.app.focused is focused, "it is again")
        await pilot.press("Z")
        await when(lambda: {p.id: p.size.height for p in panes} == expected, "all are there again")
        pilot.app.post_message(AppBlur())
        await when(lambda: pilot.app.focused is None, "the terminal is not in focus")
        await pilot.pause(0.2)
        assert {p.id: p.size.height for p in panes} == expected


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("empty", ("No machine has joined", "No unit is in the registry", "nothing is wrong")),
        ("loading", ("asking the registry", "nothing is known yet", "connecting")),
        ("lost", ("NOT CONNECTED", "connection refused", "ctrl+r asks now")),
    ],
)
async def test_without_rows_the_console_says_why_and_what_to_do_next(
    state: str, words: tuple[str, ...]
) -> None:
    observer = fakes.observer(fakes.snapshot(machines=()))
    registry = observer.registry
    assert isinstance(registry, FakeRegistry)
    if state != "empty":
        registry.show = lambda *_, **__: None  # type: ignore[method-assign]  # it does not answer
    async with app_of(observer).run_test(size=(120, 40)) as pilot:
        await when(lambda: registry.sink is not None, "somebody follows")
        if state == "lost":
            assert registry.sink is not None
            registry.sink(RegistryView(Link.LOST, now(), None, U("connection refused")))
        for word in words:
            await until(pilot, word)


def test_the_name_of_every_fault_has_its_room() -> None:
    assert FINDING_COLUMNS[1].width >= max(map(len, FAULTS))


async def test_keys_of_the_footer_are_clicked_where_they_stand() -> None:
    async with app_of(fakes.observer()).run_test(size=(120, 40)) as pilot:
        await until(pilot, "template-loaded")
        await until(pilot, "o Overview")
        footer = pilot.app.screen.query_one(KeyFooter)
        line = screen_text(pilot).splitlines()[-1]
        assert footer.key_at(len(line.rstrip()) + 5) is None
        await pilot.hover(KeyFooter, offset=(line.index("Repair"), 0))
        await when(lambda: footer.under == footer.key_at(1), "the key is under the mouse")
        await pilot.click(KeyFooter, offset=(line.index("Repair"), 0))
        await pilot.click(KeyFooter, offset=(line.index("Overview"), 0))
        await when(lambda: isinstance(pilot.app.screen, OverviewScreen), "the overview opens")


async def test_keys_that_have_no_room_are_brought_into_view_by_the_wheel() -> None:
    async with app_of(fakes.observer()).run_test(size=(30, 20)) as pilot:
        await until(pilot, "r Repair")
        footer = pilot.app.screen.query_one(KeyFooter)
        first = footer.key_at(5)
        event = MouseScrollDown(footer, 1, 0, 0, 1, 0, shift=False, meta=False, ctrl=False)
        footer.post_message(event)
        await when(lambda: footer.key_at(5) != first, "the keys move")
        footer.left = 10_000
        await when(lambda: "Quit" in screen_text(pilot).splitlines()[-1], "the last is in view")


@pytest.mark.parametrize("width", [60, 80, 118, 120, 200])
async def test_of_more_keys_than_have_room_none_is_cut_and_that_of_all_keys_stays(
    width: int,
) -> None:
    async with app_of(fakes.observer()).run_test(size=(width, 24)) as pilot:
        await until(pilot, "template-loaded")
        await pilot.press("l", "end")
        await until(pilot, "Follow")
        footer = pilot.app.screen.query_one(KeyFooter)
        line = screen_text(pilot).splitlines()[-1]
        shown = "  ".join(f"{key.shown} {key.words}" for key in footer.keys)
        told, _, last = line.rstrip().rpartition("? ")
        assert last == "Keys"
        assert shown.startswith(told := told.strip(" ▏"))
        assert told.endswith(tuple(key.words for key in footer.keys))
        at = line.index("Keys")
        assert footer.key_at(at) == footer.keys[-1]


@pytest.mark.parametrize("keys", [(), ("o",)], ids=["console", "overview"])
async def test_sizes_that_follow_fast_upon_each_other_come_to_rest_in_the_last(
    keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out: list[Size] = []
    lay_out = Screen._screen_resized

    def counted(screen: Screen[object], size: Size) -> None:
        laid_out.append(size)
        assert len(laid_out) < 60, "it is laid out again and again"
        lay_out(screen, size)

    monkeypatch.setattr(Screen, "_screen_resized", counted)
    async with app_of(fakes.observer()).run_test(size=(120, 40)) as pilot:
        await until(pilot, "zookeeper@.service")
        await pilot.press(*keys)
        screen = pilot.app.screen
        pilot.app._size = last = Size(100, 30)
        for size in (Size(90, 25), last, Size(120, 40), Size(80, 24)):
            screen.post_message(Resize(size, size))
            screen.call_later(lambda: None)  # two sizes side by side would become one
        await when(lambda: screen.size == last, "it has the size of the terminal")
        await pilot.pause(0.3)
        before = len(laid_out)
        await pilot.pause(0.3)
        assert (screen.size, len(laid_out)) == (last, before)
