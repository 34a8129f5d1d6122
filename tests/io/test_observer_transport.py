"""An observer's SSH connections carry the read templates and nothing else, whoever asks."""

import pytest
from ssh_machine import Home, Process, SshMachine, machine_at

from fleettui import commands
from fleettui.access import HostUnreachable
from fleettui.hosts.connect import connect_hosts, hands_for, root_journals_for
from fleettui.hosts.line import CommandRefused
from fleettui.hosts.settings import HostSettings
from fleettui.model.host import Span


async def test_no_hands_reach_a_machine_over_a_session_that_only_reads(home: Home) -> None:
    asked_for: list[object] = []

    async def program(process: Process, words: list[str]) -> None:
        asked_for.append(process.get_terminal_type())
        process.exit(0)

    async with SshMachine(program) as machine:
        home.knows(machine)
        plain = home.settings(machine)
        settings = HostSettings(
            port=plain.port,
            identities=plain.identities,
            openssh_file=plain.openssh_file,
            known_hosts_file=plain.known_hosts_file,
            own_file=plain.own_file,
            ssh_config=plain.ssh_config,
            remember=False,
            reads_only=True,
        )
        hosts = connect_hosts(settings)
        for change in (commands.sudo_works(), commands.daemon_reload(), commands.kill_fleet()):
            with pytest.raises(CommandRefused):
                await hands_for(hosts).perform(machine_at(), change)
        with pytest.raises(CommandRefused):
            async with root_journals_for(hosts).recall(
                machine_at(), "fleet.service", Span(1)
            ) as batches:
                await anext(batches)
        assert machine.asked == []
        with pytest.raises(HostUnreachable):  # it was asked, and answered nothing
            await hosts.probe(machine_at())
        assert len(machine.asked) == 1
        assert asked_for == [None]
        assert machine.forwarded == []
        await hosts.close()
