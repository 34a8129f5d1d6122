"""Secrets asked for at the terminal, where no console is open."""

import getpass
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from fleettui.access import Observer, SecretQuestion
from fleettui.model.secret import Secret
from fleettui.registry.threads import in_daemon_thread


def ask_at_terminal(access: Observer) -> None:
    """Have locked keys asked about here. Without a terminal they stay locked."""
    if sys.stdin.isatty() and sys.stderr.isatty():
        access.hosts.ask_secrets(_ask)


async def _ask(question: SecretQuestion) -> Secret | None:
    words = f"{question.why} {question.what}: ".lstrip()
    with _echo_restored():
        text = await in_daemon_thread(partial(getpass.getpass, words))
    return Secret(text) if text else None


@contextmanager
def _echo_restored() -> Iterator[None]:
    """However the wait ends: a thread that reads is not stopped, and has switched the echo off."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
