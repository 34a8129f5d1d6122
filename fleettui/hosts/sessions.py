"""The SSH connections of this session, one a machine, and the jump hosts before them."""

import asyncio

import asyncssh

from fleettui.access import HostKeyAsker, HostUnreachable, SecretAsker
from fleettui.hosts import dial
from fleettui.hosts.address import address_of
from fleettui.hosts.dial import Address, Dialling, UnknownKey
from fleettui.hosts.hostkeys import HostKeys, ShownKey
from fleettui.hosts.keyring import Keyring, LockedKey
from fleettui.hosts.line import Line, Opener
from fleettui.hosts.settings import HostSettings, SudoMode
from fleettui.hosts.sudo import RootLine, SudoPasswords
from fleettui.hosts.tunnel import Tunnelling
from fleettui.hosts.turns import Readings, Turns
from fleettui.model.cluster import Machine
from fleettui.model.hop import Hop

Route = tuple[Address, ...]
"""A machine behind its jump hosts, itself last."""
KEEPALIVES_PER_SECOND = 20
"""To machines that nothing is asked of, together."""


class _JumpsAhead(Exception):
    """An address is behind jump hosts: they come first, and its turn is others' meanwhile."""


class Sessions:
    """All lines of this session."""

    def __init__(self, settings: HostSettings, keys: HostKeys | None = None) -> None:
        """Without `keys` they are judged by the files that the settings name."""
        self._settings = settings
        files, own_file = settings.known_hosts, settings.written_file
        one_question = asyncio.Lock()
        self._keyring = Keyring(one_question)
        self._passwords = SudoPasswords(settings.username, one_question)
        self._keys = keys or HostKeys(
            files,
            own_file,
            one_question,
            remember=settings.remember,
            strict=settings.strict_host_key_checking,
        )
        self._machines: dict[Address, Line] = {}
        self._hops: dict[Route, Line] = {}
        self._openings = Turns()
        self.readings = Readings()
        self._closed = False
        self.tunnel = self._make_tunnel()
        """None: machines are reached straight, or as the SSH configuration says."""

    @property
    def username(self) -> str:
        """Who logs in."""
        return self._settings.username

    @property
    def settings(self) -> HostSettings:
        """As given; one host's own may say otherwise where ssh_config names it."""
        return self._settings

    async def settle(self, shown: ShownKey) -> None:
        """Have an unknown key accepted. Raises HostUnreachable where it is not."""
        await self._keys.settle(shown)

    def ask_host_keys(self, asker: HostKeyAsker) -> None:
        """Where questions about unknown host keys go."""
        self._keys.ask_with(asker)

    def ask_secrets(self, asker: SecretAsker) -> None:
        """Where questions for passphrases and for sudo's passwords go."""
        self._keyring.ask_with(asker)
        self._passwords.ask_with(asker)

    def line(self, machine: Machine) -> Line:
        """The line to a machine, not opened yet. Raises HostUnreachable for a bad address."""
        settings = self._settings
        place = address_of(machine, settings.addresses)
        address = self._address(place.host, None, place.port or settings.port)
        line = self._machines.get(address)
        if line is None:
            line = Line(
                str(address),
                lambda: self._open_machine(address),
                reads_only=settings.reads_only,
                at_rest=self._keepalive_at_rest,
            )
            self._machines[address] = line
        return line

    def root_line(self, machine: Machine) -> Line | RootLine:
        """The same, with the password that sudo may want for what runs through it."""
        line = self.line(machine)
        if self._settings.sudo is SudoMode.PASSWORDLESS:
            return line
        return RootLine(line, str(machine.public_ip), self._passwords)

    async def close(self) -> None:
        """Close all lines, in well under a second."""
        self._closed = True
        self._passwords.wipe()
        if self.tunnel is not None:
            await self.tunnel.close()
        lines = [*self._machines.values(), *self._hops.values()]
        await asyncio.gather(*(line.close() for line in lines))

    def _keepalive_at_rest(self) -> float:
        """Seconds between two questions to a machine that nothing is asked of: to a thousand, one
        each five seconds would be most of what a console does. Each round asks them anyway.
        """
        return max(dial.KEEPALIVE_SECONDS, len(self._machines) / KEEPALIVES_PER_SECOND)

    def _make_tunnel(self) -> Tunnelling | None:
        named = self._settings.tunnel
        if named is None:
            return None
        address = self._address(named.host, named.username, named.port)
        line = Line(f"the tunnel host {named.host}", lambda: self._open_straight(address))
        self._hops[(address,)] = line
        return Tunnelling(named.host, line)

    def _address(self, host: str, username: str | None, port: int | None) -> Address:
        settings = self._settings
        if username is None and settings.username_is_given:
            username = settings.username
        return Address(host, username, port, settings.username)

    async def _open_machine(self, address: Address) -> asyncssh.SSHClientConnection:
        """Through the tunnel where there is one, whatever the SSH configuration puts before it."""
        if self.tunnel is None:
            return await self._open_straight(address)
        return await self._log_in(self._dialling(address), self.tunnel.connect)

    async def _open_straight(self, address: Address) -> asyncssh.SSHClientConnection:
        """As the SSH configuration says, which is read in this address's turn: were it read for all
        machines first, the first of a hundred would wait for it.
        """
        dialling = self._dialling(address)
        try:
            return await self._log_in(dialling, None, may_jump=True)
        except _JumpsAhead:
            return await self._open(await self._route(dialling, ()), dialling)

    async def _route(self, dialling: Dialling, seen: Route) -> Route:
        """An address behind the jump hosts that the SSH configuration names, and theirs."""
        address = dialling.address
        hops = await dialling.jump_hosts()
        passed = {a.host for a in (*seen, address)}
        if not hops or passed & {hop.host for hop in hops}:
            return (address,)  # a jump host that the configuration sends through itself
        before = await self._route(self._dialling(hops[0]), (*seen, address))
        return (*before, *hops[1:], address)

    async def _open(self, route: Route, dialling: Dialling) -> asyncssh.SSHClientConnection:
        return await self._log_in(
            dialling, self._hop(route[:-1]).connect if len(route) > 1 else None
        )

    async def _log_in(
        self, dialling: Dialling, before: Opener | None, *, may_jump: bool = False
    ) -> asyncssh.SSHClientConnection:
        """A connection through the one `before`, with all asked that has to be.

        Raises _JumpsAhead for `may_jump` where the SSH configuration puts others before it.
        """
        while True:
            if self._closed:
                raise HostUnreachable(f"no connection to {dialling.address} any more: leaving")
            tunnel = await _behind(before) if before else None
            try:
                async with self._openings.one():
                    if may_jump and await dialling.jump_hosts():
                        raise _JumpsAhead
                    return await dialling.connect(tunnel)
            except UnknownKey as unknown:
                await self._keys.settle(unknown.shown)
            except LockedKey as locked:
                await self._keyring.unlock(locked)

    def _dialling(self, address: Address) -> Dialling:
        return Dialling(address, self._settings, self._keys, self._keyring)

    def _hop(self, route: Route) -> Line:
        line = self._hops.get(route)
        if line is None:
            line = Line(
                f"jump host {route[-1]}",
                lambda: self._open(route, self._dialling(route[-1])),
                reads_only=True,
            )
            self._hops[route] = line
        return line


async def _behind(before: Opener) -> asyncssh.SSHClientConnection:
    """The host before a machine. Raises HostUnreachable."""
    try:
        return await before()
    except HostUnreachable as why:
        hop = Hop.TUNNEL if why.hop is Hop.TUNNEL else Hop.JUMP
        raise HostUnreachable(str(why), hop) from why
