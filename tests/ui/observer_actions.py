"""What every action, palette entry and screen of the interface is to an observer.

Whoever adds one says here what it is, else `test_observer_actions.py` fails.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from enum import Enum, auto

from textual.dom import DOMNode
from textual.screen import Screen

import fleettui.ui


class Kind(Enum):
    """What an action comes to."""

    READS = auto()
    """It looks: at the screen, the cluster or a file of ours."""
    KEEPS = auto()
    """It writes a file, an observer's into the state folder alone."""
    LEAVES = auto()
    NEEDS_OPERATOR = auto()
    """Only an Operator's session can do it; an observer is told so."""


_ACTIONS = {
    Kind.READS: """
        FleetApp.command_palette FleetApp.refresh FleetApp.repairs FleetApp.keys FleetApp.rights
        FleetApp.light FleetApp.overview OverviewScreen.refresh
        ConsoleScreen.details ConsoleScreen.journal ConsoleScreen.unit_journal
        ConsoleScreen.refresh ConsoleScreen.repairs ConsoleScreen.overview
        ConsoleScreen.zoom ConsoleScreen.unzoom
        DetailScreen.down DetailScreen.up DetailScreen.top DetailScreen.bottom
        QuestionScreen.answer_no QuestionScreen.page SecretScreen.refuse HelpScreen.scroll
        ReportScreen.copy ReportScreen.scroll ReportScreen.end
        RepairsScreen.open
        Grid.move Grid.choose Lines.move Lines.page Lines.first Lines.last
        UnitScreen.move MachinesScreen.take MachinesScreen.move EntryScreen.scroll
        EntryScreen.first EntryScreen.last
        SearchableLog.ask SearchableLog.again SearchableLog.dim SearchableLog.error
        SearchableLog.warning SearchableLog.context SearchableLog.faults SearchableLog.noise
        SearchableLog.fold SearchableLog.unfold
        KeepableLog.entry KeepableLog.copy KeepableLog.pager
        JournalLog.move JournalLog.select JournalLog.first JournalLog.last JournalLog.follow
        JournalLog.wrap JournalLog.times JournalLog.zone JournalLog.shift
        JournalPane.since JournalPane.boot JournalPane.unit JournalPane.merge
        JournalPane.machines JournalPane.solo JournalPane.mute JournalPane.unmute
        JournalAlone.zoom JournalAlone.unzoom
        Prompt.give_up ReplayApp.pause ReplayApp.step ReplayApp.speed
        """,
    Kind.KEEPS: "KeepableLog.save ReportScreen.save",
    Kind.LEAVES: "FleetApp.leave",
    Kind.NEEDS_OPERATOR: """
        ConsoleScreen.repair RepairsScreen.resume RepairsScreen.abandon JournalPane.as_root
        """,
}
ACTIONS = {name: kind for kind, names in _ACTIONS.items() for name in names.split()}
"""By class and action, for what is defined outside of the wizard."""

_TEXTUALS = {
    Kind.READS: """
        App.change_theme App.focus_next App.focus_previous App.pop_screen
        Button.press CommandPalette.command_list CommandPalette.cursor_down CommandPalette.escape
        Input.copy
        Input.cursor_left Input.cursor_left_word Input.cursor_right Input.cursor_right_word
        Input.cut Input.delete_left Input.delete_left_all Input.delete_left_word
        Input.delete_right Input.delete_right_all Input.delete_right_word Input.end Input.home
        Input.paste Input.select_all Input.submit OptionList.cursor_down OptionList.cursor_up
        OptionList.first OptionList.last OptionList.page_down OptionList.page_up
        OptionList.select RadioSet.next_button RadioSet.previous_button RadioSet.toggle_button
        Screen.copy_text Screen.dismiss ScrollBar.grab ScrollBar.scroll_down Widget.page_down
        Widget.page_left Widget.page_right Widget.page_up Widget.scroll_down Widget.scroll_end
        Widget.scroll_home Widget.scroll_left Widget.scroll_right Widget.scroll_up
        """,
    Kind.LEAVES: "App.quit App.help_quit",
}
TEXTUALS = {name: kind for kind, names in _TEXTUALS.items() for name in names.split()}
"""The same for what is Textual's own, as far as a key, an entry or the mouse leads to it."""

PALETTE = {
    "Keys": Kind.READS,
    "Light or dark": Kind.READS,
    "Overview": Kind.READS,
    "Refresh": Kind.READS,
    "Repairs": Kind.READS,
    "Rights": Kind.READS,
    "Theme": Kind.READS,
    "Quit": Kind.LEAVES,
}

SCREENS = {
    *("ConsoleScreen", "DetailScreen", "Dialog", "EntryScreen", "HelpScreen"),
    "MachinesScreen",
    *("OverviewScreen", "Palette", "QuestionScreen", "RepairsScreen", "ReportScreen", "Rests"),
    "RightsScreen",
    *("JournalAlone", "SaveScreen", "SecretScreen", "UnitScreen", "WatchScreen"),
}
"""Those that an observer may have: they only look, or save into the state folder."""

MOUSE = {
    "Grid.on_click": Kind.READS,
    "JournalLog.on_click": Kind.READS,
    "KeyFooter.on_mouse_down": Kind.READS,
    "KeyFooter.on_mouse_move": Kind.READS,
    "KeyFooter.on_mouse_scroll_down": Kind.READS,
    "KeyFooter.on_mouse_scroll_up": Kind.READS,
    "Lines.on_mouse_scroll_down": Kind.READS,
    "Lines.on_mouse_scroll_up": Kind.READS,
}
"""What the mouse does by itself; buttons and lists run actions, keys at the foot are pressed."""

OPERATORS_OWN = "fleettui.ui.wizard"
"""What lies in this package is made for an Operator, and never loaded by an observer."""


def action_of(node: DOMNode, action: str) -> str:
    """An action by the class that defines it."""
    methods = f"action_{action}", f"_action_{action}"
    owners = (kind for kind in type(node).__mro__ if any(name in vars(kind) for name in methods))
    return f"{next(owners, type(node)).__name__}.{action}"


def kind_of(named: str) -> Kind | None:
    """What it comes to; None where nobody has said it."""
    return (ACTIONS | TEXTUALS).get(named)


def classes() -> Iterator[type]:
    """Every class of the interface."""
    for found in pkgutil.walk_packages(fleettui.ui.__path__, "fleettui.ui."):
        module = importlib.import_module(found.name)
        for thing in vars(module).values():
            if inspect.isclass(thing) and thing.__module__ == module.__name__:
                yield thing


def observable() -> Iterator[type]:
    """Every class that an observer's session may have."""
    return (kind for kind in classes() if not kind.__module__.startswith(OPERATORS_OWN))


def actions() -> set[str]:
    """Every action that an observer's session may have."""
    return {
        f"{kind.__name__}.{name.removeprefix('action_')}"
        for kind in observable()
        for name in vars(kind)
        if name.startswith("action_")
    }


def mouse() -> set[str]:
    """What the mouse does by itself, wherever an observer's session may have it."""
    return {
        f"{kind.__name__}.{name}"
        for kind in observable()
        for name in vars(kind)
        if name.lstrip("_").startswith(("on_click", "on_mouse"))
    }


def offering() -> set[str]:
    """Screens that offer more in the palette than their app does."""
    return {k.__name__ for k in observable() if issubclass(k, Screen) and k.COMMANDS}


def screens() -> set[str]:
    """Every screen that an observer's session may have."""
    return {kind.__name__ for kind in observable() if issubclass(kind, Screen)}
