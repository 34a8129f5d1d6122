"""fleet.service of one simulated machine: its process, its signals, and systemd's care for it."""

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Unpack

from fleettui.demo.clock import Clock
from fleettui.demo.fleet_agent import State, SystemdSilent
from fleettui.demo.fleet_jobs import Registry, SetOptions
from fleettui.demo.fleetd import Fleetd
from fleettui.demo.journal import SYSTEMD, Journal, Process
from fleettui.demo.systemd import SimulatedSystemd, message_id
from fleettui.model.host import FLEET_SERVICE, ChangeKind

RESTART_SEC = 10.0
"""CoreOS's own setting: how long systemd waits before it starts a killed fleetd again."""
_PURGE = 1.0
"""Seconds that fleetd takes over its SIGTERM handler."""
_EXE = "/usr/bin/fleetd"
DESCRIPTION = "fleet daemon"


class ProcessEnded(Exception):
    """This fleetd was killed: nothing it was about to do happens any more."""


@dataclass(eq=False)
class FleetProcess:
    """A process that runs fleetd, and all that fleetd touches, as long as it lives."""

    pid: int
    clock: Clock
    journal: Journal
    host: SimulatedSystemd
    store: Registry
    make: Callable[["FleetProcess"], Fleetd]
    alive: bool = True
    is_deaf: bool = False
    """Whether it waits for good when it asks systemd for states."""
    signals: deque[str] = field(default_factory=deque)
    fleetd: Fleetd | None = None
    exit_at: float | None = None

    def run(self) -> None:
        """One round of the process. Whatever it waits for, killing it ends it there."""
        try:
            if self.fleetd is None:
                self.fleetd = self.make(self)
            while self.signals:
                self._receive(self.signals.popleft(), self.fleetd)
            if self.exit_at is None:
                self.fleetd.step(self.clock.now())
        except ProcessEnded:
            return

    def say(self, line: str) -> None:
        """A line of fleetd's own in the journal. Raises ProcessEnded once it was killed."""
        self._check()
        cmdline = f"{_EXE} --config=/etc/fleet/fleet.conf"
        self.journal.say(Process("fleetd", self.pid, FLEET_SERVICE, _EXE, cmdline), line)

    def _receive(self, signal: str, fleetd: Fleetd) -> None:
        if signal == "HUP":
            fleetd.hangup()
        elif self.exit_at is None:
            fleetd.terminate()
            self.exit_at = self.clock.now() + _PURGE

    def _check(self) -> None:
        if not self.alive:
            raise ProcessEnded

    # --- systemd and registry, for the living ------------------------------------------------

    def write_unit(self, name: str, text: str) -> None:
        with self.host.lock:
            self._check()
            self.host.write_unit(name, text)

    def remove_unit(self, name: str) -> None:
        with self.host.lock:
            self._check()
            self.host.remove_unit(name)

    def reload(self) -> None:
        with self.host.lock:
            self._check()
            self.host.reload()

    def start(self, name: str) -> None:
        with self.host.lock:
            self._check()
            self.host.start(name)

    def stop(self, name: str) -> None:
        with self.host.lock:
            self._check()
            self.host.stop(name)

    def managed(self) -> dict[str, str]:
        self._check()
        return self.host.managed()

    def states(self, names: Collection[str]) -> dict[str, State]:
        self._check()
        if self.is_deaf:
            raise SystemdSilent
        return self.host.states(names)

    def read(self, key: str) -> dict[str, str]:
        self._check()
        return self.store.read(key)

    def write(self, key: str, value: str, **options: Unpack[SetOptions]) -> bool:
        self._check()
        return self.store.write(key, value, **options)

    def delete(self, key: str, *, prev_value: str | None = None) -> bool:
        self._check()
        return self.store.delete(key, prev_value=prev_value)


class FleetService:
    """The unit itself: `Type=simple`, `Restart=always`, `RestartSec=10`."""

    def __init__(
        self,
        clock: Clock,
        journal: Journal,
        host: SimulatedSystemd,
        spawn: Callable[[int], FleetProcess],
    ) -> None:
        self.active, self.sub = "inactive", "dead"
        self.active_since = self.inactive_since = 0.0
        self.job = 0
        """systemd's job that stops it; 0 = none. Its start is one moment."""
        self.process: FleetProcess | None = None
        self._clock, self._journal, self._host, self._spawn = clock, journal, host, spawn
        self._start_at: float | None = None
        self._start_again = False

    @property
    def main_pid(self) -> int:
        """0 while no process runs, as systemctl has it."""
        return 0 if self.process is None else self.process.pid

    def start(self) -> None:
        """A service that is being stopped starts once it has stopped."""
        with self._host.lock:
            if self.active == "deactivating":
                self._start_again = True
            elif self.process is None:
                self._launch()

    def stop(self) -> None:
        """SIGTERM, upon which fleetd stops its units first; it is `deactivating` meanwhile."""
        with self._host.lock:
            self._start_again, self._start_at = False, None
            if self.process is None:
                self.active, self.sub = "inactive", "dead"
            elif self.active != "deactivating":
                self._say(f"Stopping {DESCRIPTION}...", ChangeKind.STOPPING)
                self.active, self.sub = "deactivating", "stop-sigterm"
                self.job = self._host.new_job()
                self.process.signals.append("TERM")

    def restart(self) -> None:
        """Stop, and start as soon as the old process has ended."""
        with self._host.lock:
            self.stop()
            self.start()

    def kill(self, signal: str) -> None:
        """Send KILL, HUP or TERM to the main process, if there is one."""
        with self._host.lock:
            if self.process is None:
                return
            who = f"main process {self.process.pid} (fleetd)"
            self._say(f"{FLEET_SERVICE}: Sent signal SIG{signal} to {who} on client request.")
            if signal == "KILL":
                self._ended("code=killed, status=9/KILL")
            else:
                self.process.signals.append(signal)

    def tick(self) -> None:
        """One round: a due restart, fleetd's own work, and the end of its process."""
        with self._host.lock:
            if self._start_at is not None and self._start_at <= self._clock.now():
                said = "Service hold-off time over, scheduling restart."
                self._say(f"{FLEET_SERVICE}: {said}")
                self._launch()
            process = self.process
        if process is None:
            return
        process.run()
        with self._host.lock:
            exits = process.exit_at
            if process is self.process and exits is not None and exits <= self._clock.now():
                self._ended("code=exited, status=0/SUCCESS")

    def _launch(self) -> None:
        self._start_at, self._start_again = None, False
        self.process = self._spawn(self._host.new_pid())
        self.active, self.sub = "active", "running"
        self.active_since = self._clock.now()
        self._say(f"Started {DESCRIPTION}.", ChangeKind.STARTED)

    def _ended(self, how: str) -> None:
        if self.process is not None:
            self.process.alive = False
            self.process = None
        self.inactive_since, self.job = self._clock.now(), 0
        if self.active == "deactivating":
            self.active, self.sub = "inactive", "dead"
            self._say(f"Stopped {DESCRIPTION}.", ChangeKind.STOPPED)
            if self._start_again:
                self._launch()
            return
        self._say(f"{FLEET_SERVICE}: Main process exited, {how}", priority=5)
        if "SUCCESS" not in how:
            self._say(f"{FLEET_SERVICE}: Unit entered failed state.", priority=5)
            self._say(f"{FLEET_SERVICE}: Failed with result 'signal'.", priority=4)
        self.active, self.sub = "activating", "auto-restart"
        self._start_at = self._clock.now() + RESTART_SEC

    def _say(self, message: str, kind: ChangeKind | None = None, *, priority: int = 6) -> None:
        marked = message_id(kind)
        self._journal.say(
            SYSTEMD, message, about=FLEET_SERVICE, priority=priority, message_id=marked
        )
