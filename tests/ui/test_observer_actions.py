"""What an observer can do is an enumeration: every action, screen and target has its class."""

from observer_actions import ACTIONS, MOUSE, SCREENS, actions, mouse, offering, screens
from textual.app import App

from fleettui.ui.app import FleetApp


def test_every_action_screen_and_mouse_target_is_classed() -> None:
    """What is tried of them, and that there is a palette entry for nothing else: the walk."""
    assert actions() == ACTIONS.keys(), "say in observer_actions.py what it is to an observer"
    assert screens() == SCREENS, "say in observer_actions.py that an observer may have it"
    assert mouse() == MOUSE.keys(), "say in observer_actions.py what it is to an observer"
    assert FleetApp.COMMANDS == App.COMMANDS, "all entries come from get_system_commands"
    assert offering() == set(), "all entries come from get_system_commands"
