"""Keys: found in the help and the palette, moved by the config file; a disabled one says why."""

from pathlib import Path

import fakes
import pytest
from driving import app_of, our_nodes, screen_text, until
from textual.dom import DOMNode
from textual.events import Key, Paste
from textual.screen import Screen

from fleettui.cli.config_file import read_config
from fleettui.ui.app import FleetApp
from fleettui.ui.keys import NAMES, names_in, wrong_key
from fleettui.ui.themes import Looks


def test_each_action_can_be_named_in_the_config_file() -> None:
    nodes = our_nodes()
    assert sorted(names_in([DOMNode])) == list(NAMES)
    bindings = [b for kind in nodes for b in kind.__dict__.get("BINDINGS", ())]
    assert {b.key for b in bindings if not b.id} == {"ctrl+q"}, "which works while one types"


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"repare": "f6"}, "[keys] repare: there is no such action; did you mean repair?"),
        ({"repair": "no key"}, "[keys] repair: expected keys such as 'ctrl+e'"),
        ({"repair": ""}, "[keys] repair: expected keys"),
        ({"repair": "f6,ctrl+e", "since-3": "!"}, ""),
    ],
)
def test_a_wrong_key_of_the_config_file_is_named_with_what_to_do(
    keys: dict[str, str], words: str
) -> None:
    problem = wrong_key(keys)
    assert problem.startswith(words) if words else not problem


async def test_a_key_of_the_config_file_takes_the_place_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[keys]\noverview = "f6"\n')
    app = FleetApp(fakes.observer(), tmp_path, keys=read_config(path).keys)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, "template-loaded")
        assert "f6 Overview" in await until(pilot, "f6 Overview")
        await pilot.press("o")
        await pilot.press("f6")
        await until(pilot, "CHANGES")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_newcomer_is_told_three_keys_once_and_any_key_ends_it(
    size: tuple[int, int], tmp_path: Path
) -> None:
    welcomed = tmp_path / "state" / "welcomed"
    looks, keys = Looks(welcomed=welcomed), {"repair": "f6"}
    for is_first in (True, False):
        app = FleetApp(fakes.observer(), tmp_path / "repairs", looks=looks, keys=keys)
        async with app.run_test(size=size) as pilot:
            await until(pilot, "template-loaded")
            assert ("New here?" in screen_text(pilot)) is is_first
            if is_first:
                text = await until(pilot, "lists all keys")
                assert "f6 repairs step by step" in text
                assert "? lists all keys" in text
                assert not welcomed.exists()
                await pilot.press("j")
                await until(pilot, "New here?", gone=True)
                assert welcomed.exists()
                assert "OBSERVER" in screen_text(pilot), "it goes into the state folder alone"


async def test_keys_typed_in_one_breath_arrive_in_order_where_the_one_before_leads(
    tmp_path: Path,
) -> None:
    app = FleetApp(fakes.observer(), tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, "template-loaded")
        for character in "l/name mqr":
            key = {"/": "slash", " ": "space"}.get(character, character)
            app.post_message(Key(key, character))
        app.post_message(Paste("pasted"))
        app.post_message(Key("end", None))
        app.post_message(Key("z", "z"))
        await until(pilot, "name mqrpastedz")
        for key in ("escape", "question_mark", "x"):
            app.post_message(Key(key, key if len(key) == 1 else None))
        await until(pilot, "Keys that work here")


async def test_help_is_searched_by_typing_and_says_why_a_key_does_nothing() -> None:
    async with app_of(fakes.observer()).run_test(size=(120, 40)) as pilot:
        await until(pilot, "template-loaded")
        await pilot.press("l", "question_mark")
        text = await until(pilot, "Wrap long lines")
        assert text.index("Journal") < text.index("Wrap long lines")
        await pilot.press(*"wizard")
        text = await until(pilot, "Wrap long lines", gone=True)
        assert "Open the wizard on the selected finding" in text
        assert "not now: OBSERVER: this session holds nothing" in text
        await pilot.press(*"xyz")
        await until(pilot, "No key does that here.")
        await pilot.press("escape")
        await until(pilot, "No key does that here.", gone=True)


async def test_no_key_is_named_that_is_but_a_letter_here_and_no_sentence_said_twice(
    tmp_path: Path,
) -> None:
    app = FleetApp(fakes.observer(), tmp_path, looks=Looks(is_ascii=True))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, "template-loaded")
        await pilot.press("l", "n", "n", "n")
        await until(pilot, "Nothing has been searched for yet")
        await pilot.press("slash")
        footer = (await until(pilot, "enter Take it")).splitlines()[-1]
        assert all(words in footer for words in ("esc Never mind", "^q Quit", "f1 Keys"))
        assert "/ Search" not in footer  # it would stand in the line
        assert screen_text(pilot).count("Nothing has been searched for yet") == 1
        await pilot.press("escape", "f1")
        text = await until(pilot, "down j")  # `v`, the arrow in ASCII, is the pager
        assert "shift+down J shift+up K" in text


async def test_the_palette_has_what_the_keys_of_the_pane_do() -> None:
    async with app_of(fakes.observer()).run_test(size=(120, 40)) as pilot:
        await until(pilot, "template-loaded")
        await pilot.press("l")
        app: FleetApp = pilot.app  # type: ignore[assignment]  # it is ours
        screen: Screen[object] = app.screen
        titles = [command.title for command in app.get_system_commands(screen)]
        assert {"Overview", "Light or dark", "Wrap long lines, or cut them off"} <= set(titles)
        assert len(titles) == len(set(titles))
        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"glance", "enter", "enter")
        await until(pilot, "CHANGES")


async def test_a_pane_fills_the_screen_and_escape_brings_back_the_others() -> None:
    async with app_of(fakes.observer()).run_test(size=(120, 40)) as pilot:
        await until(pilot, "template-loaded")
        for keys, shown, hidden in (
            ((), "MACHINES 3", "UNITS"),
            (("tab",), "UNITS 6", "MACHINES"),
            (("l",), "JOURNAL", "UNITS"),
            (("tab",), "FINDINGS 1", "JOURNAL"),
        ):
            await pilot.press(*keys, "Z")
            assert shown in await until(pilot, hidden, gone=True)
            await pilot.press("escape")
            await until(pilot, hidden)


async def test_ctrl_t_goes_to_light_and_back() -> None:
    async with app_of(fakes.observer()).run_test(size=(80, 24)) as pilot:
        await until(pilot, "template-loaded")
        seen = []
        for _ in range(2):
            await pilot.press("ctrl+t")
            await pilot.pause()
            seen.append((pilot.app.theme, pilot.app.current_theme.dark))
        assert seen == [("fleet-light", False), ("fleet-dark", True)]
        assert "template-loaded" in screen_text(pilot)
