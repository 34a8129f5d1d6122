"""Figure 24 at length: how long leaving takes in every state, and what is left behind."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from faults.proxy import Proxy, Weather
from leaving import CTRL_Q, STATES, Left, Session, State, leave, left_in
from terminal import Terminal, run_in_terminal

from fleettui.demo.cluster import DemoCluster, DemoSettings

from .measure import say

LIMIT = 1.0
"""Seconds from the key to the end."""
GONE = 5.0
"""Seconds from the end until nothing runs on a machine."""
TEMPLATE = b"zookeeper@.service"
ENTER, TAB, BACK, DOWN = b"\r", b"\t", b"\x1b[Z", b"\x1b[B"
F2, F3 = b"\x1bOQ", b"\x1bOR"
HELD = 0.9
"""Seconds that are longer than a held key."""


# --- one machine and etcd --------------------------------------------------------------------


def _opened(keys: bytes, words: str) -> Callable[[Session], None]:
    def reach(session: Session) -> None:
        session.followed()
        session.press(keys, words)

    return reach


def _saving(session: Session) -> None:
    """The lines are read once more from a machine that hangs."""
    session.followed()
    session.press(b"ls", "Save the journal")
    for keys in (b"\x15~/saved.log", BACK + BACK, DOWN + DOWN + ENTER, TAB + TAB):
        session.terminal.press(keys)
        session.terminal.read(0.4)
    session.sshd.freeze()
    session.press(ENTER, "saving")


def _asking_for_fields(session: Session) -> None:
    session.followed()
    session.sshd.freeze()
    session.press(b"lgj\r", "Asking the machine")


MORE: dict[str, State] = {
    "connecting to a dead etcd": State(
        lambda session: session.until("refused"), before=lambda etcd, _: etcd.kill()
    ),
    "connecting to an etcd that hangs": State(
        lambda session: session.until("MACHINES"), before=lambda etcd, _: etcd.freeze()
    ),
    "connecting to a stalled sshd": State(
        lambda session: session.until("LIVE"), before=lambda _, sshd: sshd.freeze()
    ),
    "journal paused": State(_opened(b"lg", "paused")),
    "journal being saved": State(_saving),
    "a line's fields asked for": State(_asking_for_fields, CTRL_Q),
    "palette": State(_opened(b":", "Search for commands"), CTRL_Q),
    "help": State(_opened(b"?", "Keys that work here"), CTRL_Q),
    "details": State(_opened(ENTER, "Units of this machine")),
    "overview": State(_opened(b"o", "CHANGES")),
    "past repairs": State(_opened(b"R", "none was begun")),
    "save dialog": State(_opened(b"ls", "Save the journal"), CTRL_Q),
    "observer": State(Session.followed, options=("--observe",)),
}


# --- a repair on the demo cluster, which runs here, behind a proxy before etcd ----------------


@dataclass
class Repairing:
    """The console of an operator on a demo cluster with the template in it."""

    terminal: Terminal
    modes: list[Any]
    demo: DemoCluster
    proxy: Proxy

    @property
    def running(self) -> int:
        """Connections to the machines: no command outlives its own."""
        return sum(len(server._connections) for server in self.demo._servers.values())

    def thaw(self) -> None:
        self.proxy.weather = Weather.FAIR

    def press(self, keys: bytes, words: bytes) -> None:
        """As a hand does, not faster than a held key."""
        self.terminal.read(HELD)
        self.terminal.press(keys)
        self.terminal.until(words, 60)


Reach = Callable[[Repairing], None]


def _located(session: Repairing) -> None:
    session.terminal.until(b"template-loaded", 60)
    session.press(b"r", b"Go on to delete")


def _named(session: Repairing) -> None:
    """The delete waits for its last key."""
    _located(session)
    session.press(ENTER, b"Type ")
    session.press(TEMPLATE + TAB + TAB, b"")


def _deleted(session: Repairing) -> None:
    _named(session)
    session.press(ENTER, b"Go on to reload")


def _reloaded(session: Repairing) -> None:
    _deleted(session)
    session.press(ENTER, b"It changes")
    session.press(TAB + ENTER, b"Go on to restart")


def _restarted(session: Repairing) -> None:
    _reloaded(session)
    session.press(ENTER, b"It changes")
    session.press(TAB + ENTER, b"Go on to verify")


def _and(reach: Reach, keys: bytes, words: bytes, *, stalled: bool = False) -> Reach:
    """And then some keys; `stalled`: etcd answers nothing from then on."""

    def reached(session: Repairing) -> None:
        reach(session)
        if stalled:
            session.terminal.read(HELD)
            session.proxy.weather = Weather.STALL
        session.press(keys, words)

    return reached


def _asking(reach: Reach) -> Reach:
    """A step is under way, and quitting asks first; what is timed is the yes."""

    def reached(session: Repairing) -> None:
        reach(session)
        session.press(CTRL_Q, b"A repair step is under way.")
        session.terminal.read(HELD)
        assert session.terminal.process.poll() is None, "it did not ask"
        session.terminal.press(TAB)
        session.terminal.read(HELD)

    return reached


def _found(session: Repairing) -> None:
    session.terminal.until(b"template-loaded", 60)


WIZARD: dict[str, tuple[Reach, bytes]] = {
    "locate, looking": (_and(_found, b"r", b"Looking", stalled=True), CTRL_Q),
    "locate, done": (_located, b"q"),
    "plan": (_and(_located, F2, b"1. DELETE"), b"q"),
    "script": (_and(_located, F3, b"closes"), CTRL_Q),
    "delete, asked for a name": (_named, CTRL_Q),
    "delete, under way": (_asking(_and(_named, ENTER, b"nder way", stalled=True)), ENTER),
    "delete, done": (_deleted, b"q"),
    "reload, asked": (_and(_deleted, ENTER, b"It changes"), b"q"),
    "reload, done": (_reloaded, b"q"),
    "restart, asked": (_and(_reloaded, ENTER, b"It changes"), b"q"),
    "restart, done": (_restarted, b"q"),
    "verify, watching": (_and(_restarted, ENTER, b"without a line"), b"q"),
}
"""How each state of the wizard is reached, and the key that quits there."""


@contextmanager
def _repairing(demo: DemoCluster, folder: Path) -> Iterator[Repairing]:
    host, _, port = demo.endpoint.rpartition("/")[2].rpartition(":")
    with Proxy(host, int(port)) as proxy:
        place = ("--endpoint", proxy.url, "--etcd-key-prefix", demo.prefix)
        login = ("--ssh-username", demo.username, "--ssh-port", str(demo.ssh_port))
        keys = ("--identity", str(demo.identity), "--known-hosts-file", str(demo.known_hosts))
        home = {"HOME": str(folder), "XDG_STATE_HOME": str(folder), "SSH_AUTH_SOCK": ""}
        argv = (sys.executable, "-m", "fleettui", *place, *login, *keys)
        with run_in_terminal(argv, env={**os.environ, **home}) as terminal:
            yield Repairing(terminal, terminal.modes(), demo, proxy)


def _left_wizard(state: str, folder: Path) -> Left:
    reach, key = WIZARD[state]
    demo = DemoCluster(DemoSettings(ttl=6, lease_ttl=4))
    try:
        demo.start()
        with _repairing(demo, folder) as session:
            reach(session)
            return leave(session, key)
    finally:
        demo.close()


# --- the replay of a recording ---------------------------------------------------------------


@dataclass
class Replayed:
    """A recording in a terminal, without any machine."""

    terminal: Terminal
    modes: list[Any]
    running: int = 0

    def thaw(self) -> None:
        """There is none."""


def _left_replay(folder: Path) -> Left:
    file = folder / "night.rec"
    recording = State(Session.followed, options=("--record", str(file)))
    assert left_in(recording, folder).status == 0
    argv = (sys.executable, "-m", "fleettui", "replay", "--paused", str(file))
    with run_in_terminal(argv, env={**os.environ, "HOME": str(folder)}) as terminal:
        session = Replayed(terminal, terminal.modes())
        terminal.until(b"MACHINES", 60)
        return leave(session)


# --- all of it -------------------------------------------------------------------------------

ALL: dict[str, Callable[[Path], Left]] = {
    **{name: partial(left_in, state) for name, state in (STATES | MORE).items()},
    "replay": _left_replay,
    **{f"wizard: {name}": partial(_left_wizard, name) for name in WIZARD},
}


def run(runs: int, wanted: str = "") -> int:
    """Leave so often in each state whose name holds `wanted`; how often it did not hold."""
    bad = 0
    for name, left_at in ALL.items():
        if wanted in name:
            try:
                bad += _told(name, [_left(left_at) for _ in range(runs)])
            except AssertionError as never:
                say(f"{name:36}was not come to: {str(never)[:1000]}")
                bad += 1
    return bad


def _told(name: str, runs: list[Left]) -> int:
    slow = sum(left.seconds > LIMIT for left in runs)
    untidy = sum(not _is_tidy(left) for left in runs)
    slowest, gone = max(left.seconds for left in runs), max(left.gone for left in runs)
    words = f"{slowest:5.2f} s at most, nothing runs after {gone:.1f}"
    say(f"{name:36}{words}; of {len(runs)} runs {slow} slow, {untidy} left something behind")
    return slow + untidy


def _is_tidy(left: Left) -> bool:
    if b"Traceback" in left.output or left.status != 0:
        say(left.output[-3000:].decode(errors="replace"))
        return False
    return left.restored and left.running == 0 and left.gone < GONE


def _left(left_at: Callable[[Path], Left]) -> Left:
    with tempfile.TemporaryDirectory() as folder:
        return left_at(Path(folder))
