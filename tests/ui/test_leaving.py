"""Leaving: whatever is the matter, the program ends, and leaves nothing behind.

That it takes less than a second, in all 32 states, is measured by `python -m tests.hardening quit`,
on a machine with nothing else to do. Its last result, three runs in each:
0.13 to 0.41 s at most, 0.58 while an sshd is stalled; nothing ran on a machine 0.1 s later, and the
step under way asked first.
"""

import signal
import time
from pathlib import Path
from time import monotonic

import fakes
import pytest
from driving import app_of, until, when
from leaving import STATES, left_in, session


@pytest.mark.parametrize("state", STATES)
def test_q_ends_it_at_once_with_the_terminal_restored_and_no_command_left(
    state: str, tmp_path: Path
) -> None:
    left = left_in(STATES[state], tmp_path)
    assert left.status == 0, left.output[-2000:]
    assert left.restored
    assert left.running == 0
    assert b"Traceback" not in left.output
    assert left.seconds < 30, "it waited for something"


async def test_ctrl_q_quits_from_the_palette_too() -> None:
    """Which is Textual's own screen; for all others see `test_let_go.py`."""
    app = app_of(fakes.observer())
    async with app.run_test() as pilot:
        await until(pilot, "MACHINES")
        await pilot.press("colon")
        await until(pilot, "Search for commands")
        await pilot.press("ctrl+q")
        await when(lambda: not app.is_running, "it has ended")


def test_a_terminal_that_is_gone_ends_it_even_without_a_signal(tmp_path: Path) -> None:
    """Under nohup none comes, nor here, where the terminal is not the controlling one."""
    with session(tmp_path, STATES["following"]) as running:
        running.followed()
        running.terminal.hang_up()
        assert running.terminal.process.wait(60) == -signal.SIGTERM
        end = monotonic() + 60
        while running.running:
            assert monotonic() < end, "a command was left on the machine"
            time.sleep(0.05)  # no process of ours: nothing tells when it ends
