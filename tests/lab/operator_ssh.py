"""fleettui's commands run for real: OpenSSH's client, user core, and the machine's own shell."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from fleettui.commands import ChangeCommand, Command, shell_text

from .machines import USER, Machine
from .shell import attempt


class OperatorSsh:
    """An operator's key and known hosts, apart from whatever this machine's user has."""

    def __init__(self, key: Path, machines: Sequence[Machine], known_hosts: Path) -> None:
        self.key = key
        self.known_hosts = known_hosts
        known_hosts.write_text("")
        for machine in machines:
            self.trust(machine)

    def trust(self, machine: Machine) -> None:
        """Know a machine's key from now on."""
        with self.known_hosts.open("a") as lines:
            lines.write(f"{machine.address} {machine.host_key}\n")

    def perform(self, machine: Machine, command: Command) -> subprocess.CompletedProcess[bytes]:
        """Run one command to its end, with what it wants on its standard input."""
        given = command.stdin if isinstance(command, ChangeCommand) else b""
        return attempt(*self.argv(machine, command), given=given)

    def argv(self, machine: Machine, command: Command) -> tuple[str, ...]:
        options = {
            "BatchMode": "yes",
            "IdentitiesOnly": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": str(self.known_hosts),
            "ConnectTimeout": "10",
            "ConnectionAttempts": "5",  # a second apart: an sshd that is reloaded does not listen
            "LogLevel": "ERROR",
        }
        given = (word for name, value in options.items() for word in ("-o", f"{name}={value}"))
        target = ("-i", str(self.key), f"{USER}@{machine.address}", "--", shell_text(command))
        return ("ssh", "-F", "none", *given, *target)
