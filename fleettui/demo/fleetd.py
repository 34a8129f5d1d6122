"""A stand-in for fleetd that behaves as the real one was measured to, right and wrong.

It also runs as `fleet.service` inside bare machines: this module and all it imports (`SOURCES`)
need nothing but Python's standard library.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fleettui.demo.fleet_agent import Agent, Systemd, SystemdRefused
from fleettui.demo.fleet_engine import INTERVAL, Engine
from fleettui.demo.fleet_jobs import Registry
from fleettui.demo.fleet_words import Log

__all__ = ["SOURCES", "Fleetd", "Registry", "Systemd", "SystemdRefused"]

SOURCES = (
    "fleettui/__init__.py",
    "fleettui/demo/__init__.py",
    "fleettui/demo/fleet_agent.py",
    "fleettui/demo/fleet_engine.py",
    "fleettui/demo/fleet_jobs.py",
    "fleettui/demo/fleet_words.py",
    "fleettui/demo/fleetd.py",
    "fleettui/demo/http_registry.py",
)
"""The files a machine needs, with their folders, to run this with a bare Python 3.11."""

CONFIG = "/etc/fleet/fleet.conf"
_LOOK_FOR_CHANGES = 0.5
_RECONCILE = 5.0
_GENERATE = 1.0
_NOISE = 300.0


@dataclass(eq=False)
class Fleetd:
    """One process of fleetd, driven by calling `step` a few times a second.

    SIGKILL needs no method: forget the object, and what it wrote stays until its TTL ends. The
    next process is a new object on the same machine.
    """

    machine_id: str
    ip: str
    metadata: Mapping[str, str]
    version: str
    registry: Registry
    systemd: Systemd
    log: Callable[[str], None]
    """Gets whole journal lines, such as `INFO server.go:171: Starting server components`."""
    ttl: int = 30
    """fleet's agent_ttl, in seconds."""
    lease_ttl: int = 10
    """Seconds of the engine's lease."""
    prefix: str = "/_coreos.com/fleet"
    """fleet's key prefix; it is only named in messages."""
    api_broken: bool = field(default=False, init=False)
    """Whether the API socket answers 503 since a SIGHUP (fleet 0.10 and 0.11)."""

    def __post_init__(self) -> None:
        self._say = Log(self.version, self.log, self.prefix)
        self._object_key = f"machines/{self.machine_id}/object"
        self._taken = f"105: Key already exists ({self.prefix}/{self._object_key})"
        self._running = True
        self._registers = self._say.release >= (0, 13)
        self._doubled: _Retry | None = None
        self._say("starting", f"Starting fleetd version {self.version}")
        self._say("config", f"Using provided config file {CONFIG}")
        self._begin()

    # --- life --------------------------------------------------------------------------------

    def step(self, now: float) -> None:
        """Do whatever is due at `now`, in seconds of any clock that only goes forward."""
        if not self._running:
            return
        if self._connecting is not None and not self._connect(now, self._connecting):
            return
        if self._doubled is not None:
            self._register(now, self._doubled)
        self._keep_alive(now)
        if self._connecting is not None:
            return
        changed = self._due("look", _LOOK_FOR_CHANGES, now) and self._schedule_changed()
        if self._due("engine", INTERVAL, now, early=changed):
            self._engine.reconcile()
        if self._due("reconcile", _RECONCILE, now, early=changed):
            self._agent.reconcile()
        if self._due("generate", _GENERATE, now):
            self._agent.generate()
        if self._due("publish", self.ttl / 2, now):
            self._agent.publish()
        if self._due("noise", _NOISE, now):
            self._break_watches("unexpected end of JSON input")

    def terminate(self) -> None:
        """SIGTERM: stop and unload every managed unit, take back all that was published, end."""
        self._say("terminating", "Gracefully shutting down")
        self._say("told", "Server monitor triggered: told to shut down")
        self._agent.purge()
        self._agent.withdraw()
        try:
            self._engine.release()
            self.registry.delete(self._object_key)
        except OSError:
            pass  # whatever could not be removed ends with its TTL
        self._running = False

    def hangup(self) -> None:
        """SIGHUP: up to 0.11 agent and generator are built anew, without a purge; later the old
        ones stay, and from 0.13 on the new ones wait for a machine key that never goes away."""
        self._say("reconfiguring", f"Reloading configuration from {CONFIG}")
        self._say("config", f"Using provided config file {CONFIG}")
        self._say("restarting", "Restarting server components")
        if self._say.release < (0, 12):
            self._break_watches("cancelled")
            self.api_broken = self._say.release >= (0, 10)
            self._begin()
            return
        self._say("connecting", "Establishing etcd connectivity")
        if self._registers:
            self._doubled = _Retry()
        else:
            self._say("components", "Starting server components")

    def _begin(self) -> None:
        self._say("connecting", "Establishing etcd connectivity")
        self._agent = Agent(
            self.machine_id, self.metadata, self.registry, self.systemd, self._say, self.ttl
        )
        self._engine = Engine(self.machine_id, self.registry, self._say, self.lease_ttl)
        self._connecting: _Retry | None = _Retry()
        self._schedule: dict[str, str] | None = None
        self._missing_since: float | None = None
        self._next: dict[str, float] = {}

    def _break_watches(self, why: str) -> None:
        """What both watchers of a healthy fleetd say every few minutes, and at a reload."""
        watch = "{Watch /_coreos.com/fleet/job}"
        for _ in ("agent", "engine"):
            response = "unexpected EOF" if why.startswith("unexpected") else why
            self._say(
                "response", f"Failed getting response from http://127.0.0.1:2379/: {response}"
            )
            if why != "cancelled":
                self._say.error("result", f"Unable to get result for {watch}, retrying in 100ms")
            self._say.error("watcher", f"etcd watcher {watch} returned error: {why}")

    # --- the machine's own key ---------------------------------------------------------------

    def _connect(self, now: float, retry: "_Retry") -> bool:
        if not self._register(now, retry):
            return False
        self._connecting = None
        self._say("components", "Starting server components")
        # Machines of one cluster do not start in the same instant, nor write in the same one.
        phase = zlib.crc32(self.machine_id.encode()) % 1000 / 1000
        half = self.ttl / 2
        self._next |= {"generate": now + _GENERATE, "noise": now + _NOISE * phase}
        self._next |= {"beat": now + half * phase, "publish": now + half * phase}
        return True

    def _register(self, now: float, retry: "_Retry") -> bool:
        if now < retry.at:
            return False
        why = self._taken
        try:
            done = self._write_machine(first=self._registers)
        except OSError as error:
            done, why = False, str(error)
        if done:
            said = ("registered", "Register") if self._registers else ("beaten", "Beat")
            self._say(said[0], f"hrt.{said[1]}() success")
            return True
        self._complain(why, retry.delay)
        retry.fail(now)
        return False

    def _complain(self, why: str, delay: float) -> None:
        if self._say.release < (1, 0):
            self._say.error("not-registered", f"Server register machine failed: {why}")
        else:
            wait = f"retrying in {int(delay * 1e9)} sec."  # fleet prints nanoseconds so
            self._say("not-registered", f"Server register machine failed: {why}, {wait}", "WARN")

    def _write_machine(self, *, first: bool) -> bool:
        fields: dict[str, object] = {"ID": self.machine_id, "PublicIP": self.ip}
        fields["Metadata"] = dict(self.metadata) or None
        if self._say.release >= (0, 13):
            fields["Capabilities"] = {"DISABLE_ENGINE": False, "GRPC": False}
        fields["Version"] = self.version
        value = json.dumps(fields, separators=(",", ":"))
        exist = False if first else None
        return self.registry.write(self._object_key, value, ttl=self.ttl, prev_exist=exist)

    def _keep_alive(self, now: float) -> None:
        if not self._due("beat", self.ttl / 2, now):
            return
        try:
            self._write_machine(first=False)
            self._missing_since = None
        except OSError:
            self._miss(now)

    def _miss(self, now: float) -> None:
        """A heartbeat failed: four tries within a third of the TTL, then the server starts over."""
        self._missing_since = now if self._missing_since is None else self._missing_since
        self._next["beat"] = now + self.ttl / 12
        if now - self._missing_since >= self.ttl / 3:
            why = "Monitor timed out before successful heartbeat"
            self._say.error("monitor", f"Server monitor triggered: {why}")
            self._say("restarted", "Restarting server")
            self._say("connecting", "Establishing etcd connectivity")
            self._connecting, self._missing_since, self._registers = _Retry(), None, False

    # --- time --------------------------------------------------------------------------------

    def _schedule_changed(self) -> bool:
        """Whether a target or target state was touched: fleet watches these two keys."""
        try:
            jobs = self.registry.read("job")
        except OSError:
            return False
        before = self._schedule
        watched = ("/target", "/target-state")
        self._schedule = {key: value for key, value in jobs.items() if key.endswith(watched)}
        return before is not None and before != self._schedule

    def _due(self, what: str, period: float, now: float, *, early: bool = False) -> bool:
        at = self._next.get(what, now)
        if now < at and not early:
            return False
        missed = 0 if early else (now - at) // period
        self._next[what] = (now if early else at) + (missed + 1) * period
        return True


class _Retry:
    """When to try again: at once, then after 1, 2, 4 and up to 60 seconds."""

    def __init__(self) -> None:
        self.at = float("-inf")
        self.delay = 1.0

    def fail(self, now: float) -> None:
        self.at = now + self.delay
        self.delay = min(self.delay * 2, 60.0)
