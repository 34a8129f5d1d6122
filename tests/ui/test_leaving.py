"""Leaving: whatever is the matter, the program ends, and leaves nothing behind.

That it takes less than a second is measured by `python -m tests.hardening quit`, on a machine with
nothing else to do. Its last result, of 5 runs in each state, while two cores were busy with other
work: just started 0.30 s at most, following 0.52, etcd lost 0.46, etcd frozen 0.40, machine frozen
0.39, asked about a host key 0.41; nothing was left behind.
"""

from pathlib import Path

import pytest
from leaving import STATES, left_in, screens
from textual.screen import ModalScreen

from fleettui.ui.app import FleetApp


@pytest.mark.parametrize("state", STATES)
def test_q_ends_it_at_once_with_the_terminal_restored_and_no_command_left(
    state: str, tmp_path: Path
) -> None:
    left = left_in(state, tmp_path)
    assert left.status == 0, left.output[-2000:]
    assert left.restored
    assert left.running == 0
    assert b"Traceback" not in left.output
    assert left.seconds < 30, "it waited for something"


def test_every_screen_has_a_key_that_quits() -> None:
    app_keys = {key for b in FleetApp.BINDINGS for key in getattr(b, "key", "").split(",")}
    assert "ctrl+q" in app_keys
    for screen in screens():
        if issubclass(screen, ModalScreen):  # the app's own keys do not count there
            assert "ctrl+q" in screen._merge_bindings().key_to_bindings, screen
