"""One simulated machine: its files, systemd, journal and fleetd."""

from fleettui.demo.clock import Clock
from fleettui.demo.files import Files
from fleettui.demo.fleet_jobs import Registry
from fleettui.demo.fleet_service import FleetProcess, FleetService
from fleettui.demo.fleetd import Fleetd
from fleettui.demo.journal import Host, Journal
from fleettui.demo.systemd import SimulatedSystemd
from fleettui.demo.traits import Traits
from fleettui.demo.way import Way


class Machine:
    """A machine as its sessions and its fleetd find it."""

    def __init__(self, traits: Traits, clock: Clock, store: Registry, prefix: str) -> None:
        self.traits = traits
        self.id, self.ip = traits.id, traits.ip
        self.clock = clock
        self.host = Host(
            self.id,
            traits.boot_id,
            traits.hostname,
            clock.now() - 86_400 * 9 - 3_607 * traits.number,
        )
        self.files = Files()
        self.journal = Journal(self.host, clock)
        self.systemd = SimulatedSystemd(clock, self.journal, self.files, traits)
        self.fleet = FleetService(clock, self.journal, self.systemd, self._spawn)
        self.sudo_refusal = ""
        """What sudo says instead of doing anything; empty = it works without a password."""
        self.journal_refusal = ""
        """What journalctl says instead of the journal."""
        self.way = Way(store)
        self.quarantine_refusal = ""
        """Why nothing that is removed can be kept; empty = it can."""
        self._prefix = prefix

    def tick(self) -> None:
        """One round of everything that goes on by itself."""
        self.systemd.advance()
        self.fleet.tick()

    @property
    def uptime(self) -> float:
        """Seconds since the boot."""
        return self.clock.now() - self.host.booted

    def microseconds(self, at: float) -> int:
        """A clock time as systemd's monotonic stamp; 0 stays 0, for never."""
        return int((at - self.host.booted) * 1e6) if at else 0

    def _spawn(self, pid: int) -> FleetProcess:
        return FleetProcess(pid, self.clock, self.journal, self.systemd, self.way, self._fleetd)

    def _fleetd(self, process: FleetProcess) -> Fleetd:
        return Fleetd(
            self.id,
            self.ip,
            dict(self.traits.metadata),
            self.traits.version,
            process,
            process,
            process.say,
            self.traits.ttl,
            self.traits.lease_ttl,
            self._prefix,
        )
