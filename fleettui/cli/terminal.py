"""The end of a terminal, which ends the program, whatever that is doing."""

import os
import select
import signal
import sys
import threading


def end_with_the_terminal() -> None:
    """Have this process be terminated once its terminal is gone, as SIGHUP does by itself.

    Under nohup, and where the terminal is not the controlling one, no signal comes: what reads the
    terminal would find its end again and again, what writes to it would wait for ever, and a lock
    would be kept alive by nobody.
    """
    terminal = sys.stdin.fileno()
    threading.Thread(target=_wait_for_end, args=(terminal,), name="terminal", daemon=True).start()


def _wait_for_end(terminal: int) -> None:
    gone = select.poll()
    gone.register(terminal, 0)  # that it is gone is told unasked
    gone.poll()
    os.kill(os.getpid(), signal.SIGTERM)
