"""The demo cluster: real etcd, real SSH, and machines whose fleetd and systemd are simulated."""

import asyncio
import contextlib
import errno
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from fleettui.demo.clock import Clock
from fleettui.demo.etcd import Etcd, free_port
from fleettui.demo.fault import Scene
from fleettui.demo.faults import fault_named
from fleettui.demo.history import LENGTH, History
from fleettui.demo.http_registry import HttpRegistry
from fleettui.demo.machine import Machine
from fleettui.demo.machine_faults import is_broken
from fleettui.demo.settings import DemoSettings
from fleettui.demo.shared_registry import SharedRegistry
from fleettui.demo.sshd import USERNAME, CommandLog, Sshd, SshKeys
from fleettui.demo.units import Submission, the_mistake
from fleettui.demo.wiretap import RequestLog, Wiretap

__all__ = ["PREFIX", "DemoCluster", "DemoSettings", "NoLoopback"]

T = TypeVar("T")
PREFIX = "/_coreos.com/fleet"
_PORT_TRIES = 20
_ALIASES = (
    "the demo's machines need the addresses 127.0.0.11 and up, one each ({error}); where a system "
    "has only 127.0.0.1, give it more, on macOS by  sudo ifconfig lo0 alias 127.0.0.11"
)


class NoLoopback(Exception):
    """This system has no 127.0.0.11 and up; the text says what to do."""


class DemoCluster:
    """A small fleet in this process, in threads of its own. An async context manager.

    All its attributes may be used from any thread once it has started.
    """

    def __init__(self, settings: DemoSettings | None = None) -> None:
        self.settings = settings or DemoSettings()
        self.prefix = PREFIX
        self.username = USERNAME
        self.commands: CommandLog = []
        """(machine's address, command line) of every command that came over SSH."""
        self.requests: RequestLog = []
        """(method, path) of every request to `endpoint`, if they are recorded."""
        self.ssh_port = 0
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._threads: list[threading.Thread] = []
        self._servers: dict[str, Sshd] = {}
        self._wiretap: Wiretap | None = None
        self._clients: list[HttpRegistry] = []
        self._clock = Clock()
        few = self.settings.machines <= 10
        self._shared = SharedRegistry(keep=0.2 if few else 1.0)
        self._tick = 0.1 if few else 0.2
        self._clock.rewind(LENGTH)
        self._fault = fault_named(self.settings.fault)()
        self.machines: tuple[Machine, ...] = tuple(self._build_machines())
        """Every host, one that shares its ID with another included."""
        self._scene = Scene(self.machines, self._shared, self._clock)

    # --- life --------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Raises NoEtcd or NoLoopback."""
        starting = asyncio.create_task(asyncio.to_thread(self.start))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await asyncio.wait({starting})
            if starting.exception() is None:
                await asyncio.to_thread(self.close)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.close)

    def start(self) -> None:
        """Start everything and return when all of it is there. Raises NoEtcd or NoLoopback."""
        self._etcd = Etcd()
        try:
            self._bring_up()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End everything and remove its files."""
        self._stop.set()
        loop, self._loop = self._loop, None
        if loop is not None:
            asyncio.run_coroutine_threadsafe(self._wind_down(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
        self._etcd.close()  # first, so that no thread is left waiting for an answer of it
        for thread in self._threads:
            thread.join()
        if loop is not None:
            loop.close()
        for client in self._clients:
            client.close()

    # --- what a console needs ----------------------------------------------------------------

    @property
    def endpoint(self) -> str:
        """A URL of etcd on loopback; through the wiretap where everything asked is to be logged."""
        return self._etcd.endpoint if self._wiretap is None else self._wiretap.endpoint

    @property
    def identity(self) -> Path:
        """The private key that the machines let in."""
        return self._keys.identity

    @property
    def known_hosts(self) -> Path:
        """A file with the machines' host keys."""
        return self._keys.known_hosts

    # --- what tests do to it -----------------------------------------------------------------

    @property
    def registry(self) -> HttpRegistry:
        """The registry, past every cache and log: keys relative to `prefix`."""
        return self._clients[1]

    @property
    def broken(self) -> Machine | None:
        """The machine where the template's file lies right now."""
        return next((m for m in self.machines if is_broken(m)), None)

    def machine(self, machine_id: str) -> Machine:
        """By its whole ID, which clones share: then the first. Raises StopIteration."""
        return next(m for m in self.machines if m.id == machine_id)

    def submit(self, submission: Submission) -> None:
        """What `fleetctl submit`, `load` or `start` would write."""
        for key, value in submission.keys().items():
            self.registry.write(key, value)

    def load_template(self) -> None:
        """The mistake: `fleetctl load zookeeper@.service`."""
        self.submit(the_mistake())

    def kill_etcd(self) -> None:
        """SIGKILL; the port is closed on return."""
        self._etcd.kill()

    def start_etcd(self) -> None:
        """Start etcd again with its port and data; it answers on return."""
        self._etcd.start()

    def freeze_etcd(self) -> None:
        """SIGSTOP: etcd takes connections and answers nothing, until `thaw_etcd` or `close`."""
        self._etcd.freeze()

    def thaw_etcd(self) -> None:
        """SIGCONT: what was asked meanwhile is answered."""
        self._etcd.thaw()

    def stop_sshd(self, machine: Machine) -> None:
        """Close the machine's SSH port and break its connections."""
        self._call(self._servers[machine.ip].stop())

    def start_sshd(self, machine: Machine) -> None:
        """Open the machine's SSH port again, with the same host key."""
        self._call(self._servers[machine.ip].start())

    # --- inside ------------------------------------------------------------------------------

    def _build_machines(self) -> Sequence[Machine]:
        members = [self.settings.traits(n + 1) for n in range(self.settings.machines)]
        hosts = self._fault.hosts(members)
        return [Machine(traits, self._clock, self._shared, PREFIX) for traits in hosts]

    def _bring_up(self) -> None:
        self._etcd.begin()
        History(self._scene, self._fault).play()
        self._keys = SshKeys(self._etcd.folder, self.machines)
        self._loop = asyncio.new_event_loop()
        self._spawn("demo-ssh", self._loop.run_forever)
        self._call(self._open_servers())
        self._etcd.wait()
        self._clients = [HttpRegistry(self._etcd.endpoint, PREFIX) for _ in range(2)]
        self._shared.pour_into(self._clients[0])
        if self.settings.record_requests:
            self._wiretap = Wiretap(self._etcd.endpoint, self.requests)
            self._call(self._wiretap.open())
        self._clock.go_live()
        self._spawn("demo-fleet", self._live)

    def _live(self) -> None:
        while not self._stop.is_set():
            for machine in self.machines:
                machine.tick()
            with contextlib.suppress(OSError):  # etcd is away, and the next round tries again
                self._fault.tick(self._scene)
            self._stop.wait(self._tick)

    async def _open_servers(self) -> None:
        """Find one port that is free on every machine's address, and listen there."""
        for _ in range(_PORT_TRIES):
            port = _free_port(self.machines[0].ip)
            self._servers = {m.ip: Sshd(m, port, self._keys, self.commands) for m in self.machines}
            try:
                for server in self._servers.values():
                    await server.start()
            except OSError as error:
                await self._close_servers()
                if error.errno != errno.EADDRINUSE:
                    raise NoLoopback(_ALIASES.format(error=error)) from error
                continue
            self.ssh_port = port
            self._keys.write_known_hosts(port)
            return
        raise NoLoopback("no port is free on the addresses of all the demo's machines")

    async def _close_servers(self) -> None:
        for server in self._servers.values():
            await server.stop()

    async def _wind_down(self) -> None:
        await self._close_servers()
        if self._wiretap is not None:
            await self._wiretap.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await asyncio.sleep(0)  # sockets are closed one round after their transports

    def _call(self, work: Coroutine[object, object, T]) -> T:
        """Do something in the demo's own event loop, and wait for it."""
        if self._loop is None:
            work.close()
            raise RuntimeError("the demo cluster is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _spawn(self, name: str, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=f"fleettui-{name}", daemon=True)
        self._threads.append(thread)
        thread.start()


def _free_port(address: str) -> int:
    try:
        return free_port(address)
    except OSError as error:
        raise NoLoopback(_ALIASES.format(error=error)) from error
