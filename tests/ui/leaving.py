"""The real program in a terminal, brought into some state and then left: how long that takes."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncssh
from faults.etcd_servers import RealEtcd
from faults.sshd import Sshd
from terminal import Terminal, run_in_terminal

MACHINE = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
RESTORED = b"\x1b[?1049l"
"""Leaves the alternate screen."""
PATIENCE = 60.0


@dataclass
class Session:
    """A terminal with the console in it, on one etcd and one machine."""

    terminal: Terminal
    etcd: RealEtcd
    sshd: Sshd
    modes: list[Any]
    """Of the terminal, before anything ran in it."""

    @property
    def running(self) -> int:
        """Commands that have not ended on the machine."""
        return self.sshd.running

    def thaw(self) -> None:
        self.sshd.thaw()

    def until(self, words: str) -> None:
        self.terminal.until(words.encode(), PATIENCE)

    def press(self, keys: bytes, words: str) -> None:
        self.terminal.press(keys)
        self.until(words)

    def followed(self) -> None:
        """The machine's journal is being followed."""
        self.until("LIVE")
        end = time.monotonic() + PATIENCE
        while self.sshd.running == 0:
            assert time.monotonic() < end, "no journal is followed"
            self.terminal.read(0.1)
        self.until("a line")


@dataclass(frozen=True)
class Left:
    """How a session ended."""

    seconds: float
    status: int | None
    restored: bool
    """Whether the terminal is as it was before."""
    running: int
    """Commands of ours that still run on the machine."""
    gone: float
    """Seconds from the end until none did."""
    output: bytes


class Leavable(Protocol):
    """A program in a terminal, and the machines that it talks to."""

    terminal: Terminal
    modes: list[Any]
    """Of the terminal, before anything ran in it."""

    @property
    def running(self) -> int:
        """Commands that run on the machines, or connections to them."""

    def thaw(self) -> None:
        """Let a machine that was frozen go on."""


def leave(session: Leavable, key: bytes = b"q") -> Left:
    """Press a key that quits, and wait for the end."""
    terminal, began = session.terminal, time.monotonic()
    terminal.press(key)
    while terminal.process.poll() is None and time.monotonic() - began < PATIENCE:
        terminal.read(0.01)
    ended = time.monotonic()
    session.thaw()
    while session.running and time.monotonic() - ended < PATIENCE:
        time.sleep(0.05)  # no process of ours: nothing tells when it ends
    gone = time.monotonic() - ended
    terminal.read(0.2)
    tail = terminal.output.rfind(RESTORED)
    shown = b"\x1b[?25h" in terminal.output[max(tail - 200, 0) :]
    restored = tail >= 0 and shown and terminal.modes() == session.modes
    status, output = terminal.process.returncode, bytes(terminal.output)
    return Left(ended - began, status, restored, session.running, gone, output)


@contextmanager
def session(folder: Path, state: "State") -> Iterator[Session]:
    """The console, just started."""
    etcd = RealEtcd()
    try:
        etcd.start()
        with Sshd(folder) as sshd:
            describe = f'{{"ID":"{MACHINE}","PublicIP":"{sshd.address}","Version":"0.11.8"}}'
            etcd.put(f"machines/{MACHINE}/object", describe)
            (folder / ".ssh").mkdir()
            (folder / ".ssh" / "known_hosts").write_text(sshd.known_host if state.is_known else "")
            key = folder / ".ssh" / "id_ed25519"
            asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(key))
            home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder), "SSH_AUTH_SOCK": ""}
            place = ("--endpoint", etcd.endpoint, "--ssh-port", str(sshd.port))
            key_of_ours = ("--identity", str(key))
            argv = (sys.executable, "-m", "fleettui", *place, *key_of_ours, *state.options)
            state.before(etcd, sshd)
            with run_in_terminal(argv, env={**os.environ, **home}) as terminal:
                yield Session(terminal, etcd, sshd, terminal.modes())
    finally:
        etcd.thaw()
        etcd.close()


def _etcd_lost(session: Session) -> None:
    session.followed()
    session.etcd.kill()
    session.until("STALE")


def _etcd_frozen(session: Session) -> None:
    session.followed()
    session.etcd.freeze()
    session.press(b"\x12", "")  # a read that hangs


def _machine_frozen(session: Session) -> None:
    session.followed()
    session.sshd.freeze()
    session.press(b"\x12", "")


def _nothing(*_: object) -> None:
    pass


@dataclass(frozen=True)
class State:
    """What is done to a session before it is left, and how it is left."""

    reach: Callable[[Session], None]
    key: bytes = b"q"
    """ctrl+q where q may be a letter."""
    before: Callable[[RealEtcd, Sshd], None] = _nothing
    """What is the matter before the program starts."""
    options: tuple[str, ...] = ()
    is_known: bool = True
    """Whether the machine's host key is known."""


CTRL_Q = b"\x11"
STATES: dict[str, State] = {
    "just started": State(lambda session: session.until("MACHINES")),
    "following": State(Session.followed),
    "etcd lost": State(_etcd_lost),
    "etcd frozen": State(_etcd_frozen),
    "machine frozen": State(_machine_frozen),
    "asked about a host key": State(
        lambda session: session.until("Unknown host key"), CTRL_Q, is_known=False
    ),
}
"""Those that the suite tries; `tests/hardening/leaving.py` knows more."""


def left_in(state: State, folder: Path) -> Left:
    """How the program ends in a state of its surroundings."""
    with session(folder, state) as running:
        state.reach(running)
        return leave(running, state.key)
