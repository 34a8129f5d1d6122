"""A machine whose sshd is stopped (SIGSTOP): it is lost in time, and nobody else waits for it."""

import asyncio
from pathlib import Path
from time import monotonic

import pytest
from faults.sshd import Sshd
from ssh_machine import Home, machine_at

from fleettui.access import CommandResult, Ending
from fleettui.commands import daemon_reload
from fleettui.hosts.connect import SshHosts, connect_hosts, hands_for
from fleettui.hosts.settings import HostSettings

FROZEN, WELL = "127.0.0.1", "127.0.0.2"


async def performed(hosts: SshHosts, address: str) -> CommandResult:
    return await hands_for(hosts).perform(machine_at(address), daemon_reload())


async def test_a_stopped_sshd_makes_its_machine_stale_and_holds_up_nobody(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with Sshd(tmp_path, FROZEN) as frozen, Sshd(tmp_path, WELL, frozen.port) as well:
        home.openssh.write_text(frozen.known_host + well.known_host)
        settings = HostSettings(
            port=frozen.port,
            identities=(home.identity,),
            openssh_file=home.openssh,
            known_hosts_file=home.fleetctl,
            own_file=home.own,
            ssh_config=None,
        )
        hosts = connect_hosts(settings)
        for address in (FROZEN, WELL):
            assert (await performed(hosts, address)).ending is Ending.EXITED
        frozen.freeze()
        began = monotonic()
        stale = asyncio.create_task(performed(hosts, FROZEN))
        answers = 0
        while not stale.done():
            assert (await performed(hosts, WELL)).ending is Ending.EXITED
            answers += 1
            await asyncio.sleep(0.2)
        assert (await stale).ending is not Ending.EXITED
        assert monotonic() - began < 20
        assert answers > 10
        waiting = asyncio.create_task(performed(hosts, FROZEN))
        await asyncio.sleep(0)
        began = monotonic()
        await hosts.close()
        assert monotonic() - began < 1
        assert (await waiting).ending is not Ending.EXITED
