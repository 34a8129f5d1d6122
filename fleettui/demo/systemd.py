"""A simulated systemd: the units of one machine, and what it knows of their files."""

import itertools
import threading
from collections.abc import Collection
from dataclasses import dataclass

from fleettui.commands.templates import MESSAGE_IDS
from fleettui.demo.clock import Clock
from fleettui.demo.files import Files, Kind, file, link
from fleettui.demo.fleet_agent import State, SystemdRefused
from fleettui.demo.journal import SYSTEMD, Journal, Process
from fleettui.demo.traits import Traits
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, ChangeKind
from fleettui.model.names import UNIT_TYPES, is_template, refusal
from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted

_IDLE_SUB = {"timer": "waiting", "path": "waiting", "socket": "listening", "mount": "mounted"}
_MOMENT = 0.1
"""Seconds a start or a stop takes at least."""


@dataclass(slots=True)
class Unit:
    """A unit as systemd holds it in memory."""

    name: str
    text: str | None = None
    """The unit file as systemd last read it; None = it found none."""
    active: str = "inactive"
    sub: str = "dead"
    main_pid: int = 0
    active_since: float = 0.0
    inactive_since: float = 0.0
    """Clock times; 0 = never."""
    due: float | None = None
    """When the present start or stop ends."""
    again: bool = False
    """Start once the present stop has ended."""
    job: int = 0
    """systemd's job that starts or stops it; 0 = none."""
    wanted: bool = False
    """Another unit names it: systemd keeps it in memory, found or not, until a reload."""

    @property
    def load(self) -> str:
        """LoadState: `not-found` where systemd has read no file."""
        return "not-found" if self.text is None else "loaded"

    @property
    def description(self) -> str:
        """Of the unit file, with the instance for `%i`; the name where it has none."""
        found = _file(self.text).values("Unit", "Description")
        stem = self.name.rpartition(".")[0]
        return found[-1].replace("%i", stem.partition("@")[2]) if found else self.name

    @property
    def is_service(self) -> bool:
        """Others have no process: they are active as soon as they start."""
        return self.name.endswith(".service")


class SimulatedSystemd:
    """Everything under one lock, so that sessions and fleetd may ask from different threads."""

    def __init__(self, clock: Clock, journal: Journal, files: Files, traits: Traits) -> None:
        self.lock = threading.RLock()
        self.files = files
        self._wording, self._pull = traits.wording, traits.pull
        self._clock = clock
        self._journal = journal
        self._units: dict[str, Unit] = {}
        self._pids = itertools.count(600 + 37 * traits.number, 13)
        self._jobs = itertools.count(1200, 2)
        self.images: set[str] = set()
        """Container images that were pulled, each with its tag where it was named."""

    # --- what fleetd asks (fleet_agent.Systemd) ----------------------------------------------

    def write_unit(self, name: str, text: str) -> None:
        """Write the file and its link; systemd takes notice at its next reload."""
        with self.lock:
            self.files.put(FLEET_UNITS, name, file(_bytes(text)))
            self.files.put(SYSTEMD_UNITS, name, link(f"{FLEET_UNITS}/{name}"))

    def remove_unit(self, name: str) -> None:
        """Remove the link and the file, of which neither has to be there."""
        with self.lock:
            self.files.remove(SYSTEMD_UNITS, name)
            self.files.remove(FLEET_UNITS, name)

    def reload(self) -> None:
        """Read every unit file anew."""
        with self.lock:
            for unit in self._units.values():
                unit.text = self._text(unit.name)

    def start(self, name: str) -> None:
        """Begin to start a unit. Raises SystemdRefused."""
        with self.lock:
            unit = self._unit(name)
            if unit.text is None:
                why = f"Unit {name} failed to load: No such file or directory."
                raise SystemdRefused(why)
            if unit.active == "deactivating":
                unit.again = True
            elif unit.active not in {"active", "activating"}:
                self._begin_start(unit)

    def stop(self, name: str) -> None:
        """Begin to stop a unit. Raises SystemdRefused."""
        with self.lock:
            unit = self._unit(name)
            unit.again = False
            if unit.text is None and unit.active == "inactive":
                raise SystemdRefused(f"Unit {name} not loaded.")
            if unit.active in {"active", "activating"}:
                self._say(unit, f"Stopping {unit.description}...", ChangeKind.STOPPING)
                unit.active, unit.sub, unit.job = "deactivating", "stop-sigterm", self.new_job()
                unit.due = self._clock.now() + _MOMENT

    def managed(self) -> dict[str, str]:
        """The files in fleet's folder that are named like units."""
        with self.lock:
            return {
                name: entry.content.decode("utf-8", "surrogateescape")
                for name, entry in self.files.folders[FLEET_UNITS].items()
                if entry.kind is Kind.FILE and name.rpartition(".")[2] in UNIT_TYPES
            }

    def states(self, names: Collection[str]) -> dict[str, State]:
        """Load, active and sub state. Raises SystemdRefused for a template among them."""
        with self.lock:
            units = [self._unit(name) for name in sorted(names)]
            return {unit.name: (unit.load, unit.active, unit.sub) for unit in units}

    # --- what the machine's shell asks -------------------------------------------------------

    def unit(self, name: str) -> Unit:
        """A unit as `systemctl show` finds it. Raises SystemdRefused."""
        with self.lock:
            return self._unit(name)

    def needs_reload(self, unit: Unit) -> bool:
        """NeedDaemonReload: whether the file is not what systemd has read."""
        with self.lock:
            # There is nothing to compare with for a unit of which systemd has found no file.
            return unit.text is not None and unit.text != self._text(unit.name)

    def main_pids(self) -> dict[str, int]:
        """The main process of each running service."""
        with self.lock:
            return {u.name: u.main_pid for u in self._units.values() if u.main_pid}

    def new_pid(self) -> int:
        """Ascending, and never given twice."""
        return next(self._pids)

    def new_job(self) -> int:
        """The number of a job, as JOB_ID in the journal."""
        return next(self._jobs)

    def crash(self, name: str) -> None:
        """Have a unit's main process die with status 1."""
        with self.lock:
            unit = self._unit(name)
            said = f"{name}: Main process exited, code=exited, status=1/FAILURE"
            self._say(unit, said, priority=5)
            self._say(unit, f"{name}: Unit entered failed state.", priority=5)
            self._end(unit, "failed", "failed")

    def advance(self) -> None:
        """Finish whatever start or stop has had its time."""
        now = self._clock.now()
        with self.lock:
            for unit in list(self._units.values()):
                if unit.due is not None and unit.due <= now:
                    self._finish(unit, now)

    # --- inside ------------------------------------------------------------------------------

    def _unit(self, name: str) -> Unit:
        if is_template(name) or refusal(name) is not None:
            raise SystemdRefused(f"Unit name {name} {self._wording}")
        unit = self._units.get(name)
        if unit is None or (unit.active == "inactive" and unit.text is None and not unit.wanted):
            fresh = Unit(name) if unit is None else unit
            fresh.text = self._text(name)
            if fresh.text is None and unit is None:
                return fresh  # nothing keeps a unit in memory that neither exists nor runs
            self._units[name] = unit = fresh
        return unit

    def _text(self, name: str) -> str | None:
        found = self.files.resolve(name)
        if found is None and "@" in name:
            prefix, _, rest = name.partition("@")
            found = self.files.resolve(f"{prefix}@.{rest.rpartition('.')[2]}")
        return None if found is None else found.decode("utf-8", "surrogateescape")

    def _begin_start(self, unit: Unit) -> None:
        unit_file = _file(unit.text)
        self._say(unit, f"Starting {unit.description}...", ChangeKind.STARTING)
        for option in ("Wants", "Requires", "After"):
            for name in " ".join(unit_file.values("Unit", option)).split():
                self._units.setdefault(name, Unit(name, self._text(name), wanted=True))
        unit.active, unit.job = "activating", self.new_job()
        unit.sub = "start-pre" if unit_file.values("Service", "ExecStartPre") else "start"
        for pull in unit_file.image_pulls:
            image = pull.split()[-1]
            self._speak(unit, "docker", f"Pulling repository {image}")
        unit.due = self._clock.now() + _MOMENT + self._pull * len(unit_file.image_pulls)

    def _finish(self, unit: Unit, now: float) -> None:
        unit.due = None
        if unit.active == "activating":
            for pull in _file(unit.text).image_pulls:
                image = pull.split()[-1]
                news = "Image is up to date" if image in self.images else "Downloaded newer image"
                self.images.add(image)
                self._speak(unit, "docker", f"Status: {news} for {image}")
            kind = unit.name.rpartition(".")[2]
            unit.active, unit.sub = "active", _IDLE_SUB.get(kind, "running")
            unit.main_pid = self.new_pid() if unit.is_service else 0
            unit.active_since, unit.job = now, 0
            self._say(unit, f"Started {unit.description}.", ChangeKind.STARTED)
        elif unit.active == "deactivating":
            self._say(unit, f"Stopped {unit.description}.", ChangeKind.STOPPED)
            again, unit.again = unit.again, False
            self._end(unit, "inactive", "dead")
            if again and unit.text is not None:
                self._begin_start(unit)

    def _end(self, unit: Unit, active: str, sub: str) -> None:
        unit.active, unit.sub, unit.main_pid, unit.due = active, sub, 0, None
        unit.job = 0
        unit.inactive_since = self._clock.now()

    def _say(
        self, unit: Unit, message: str, kind: ChangeKind | None = None, *, priority: int = 6
    ) -> None:
        marked = message_id(kind)
        self._journal.say(SYSTEMD, message, about=unit.name, priority=priority, message_id=marked)

    def _speak(self, unit: Unit, program: str, message: str) -> None:
        exe = f"/usr/bin/{program}"
        who = Process(program, self.new_pid(), unit.name, exe, f"{exe} pull")
        self._journal.say(who, message)


def message_id(kind: ChangeKind | None) -> str:
    """The MESSAGE_ID of systemd's own lines of a kind; none for any other line."""
    return next((i for i, of in MESSAGE_IDS.items() if of is kind), "")


def _file(text: str | None) -> UnitFile:
    return UnitFile(Untrusted(text or ""))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
