"""A sudo that will not work, in the words of real ones: known before a repair changes anything."""

import shlex

import fakes
import pytest
from msgspec.structs import replace
from ssh_machine import Home, Process, SshMachine

from fleettui.access import ClusterAddress, Operator
from fleettui.commands import check_quarantine, sudo_works
from fleettui.diagnosis.finding import Finding, Severity
from fleettui.hosts.connect import connect_hosts, hands_for
from fleettui.model.untrusted import Untrusted
from fleettui.registry.connect import connect_writer
from fleettui.repair.driving.preflight import preflight
from fleettui.repair.planning.look import Look
from fleettui.repair.planning.plan import Plan, plan_repair

MACHINE = replace(fakes.MACHINES[0], public_ip=Untrusted("127.0.0.1"))
SUDO = "root may be had through sudo"
LECTURE = """
We trust you have received the usual lecture from the local System
Administrator. It usually boils down to these three things:
sudo: a password is required
"""
# With `-n`, sudo 1.9.13 was recorded to say the first, third and last; the others come from where
# it asks or reports first, as older ones may.
WORDS = {
    "a password is needed": (1, "sudo: a password is required\n"),
    "not in sudoers": (1, "core is not in the sudoers file.  This incident will be reported.\n"),
    "a terminal is needed": (1, "sudo: sorry, you must have a tty to run sudo\n"),
    "a wrong password": (1, "Sorry, try again.\nsudo: 3 incorrect password attempts\n"),
    "a lecture comes first": (1, LECTURE),
    "no sudo at all": (127, "bash: line 1: sudo: command not found\n"),
}


def planned() -> Plan:
    snapshot, facts = fakes.faulted(), fakes.facts(MACHINE, broken=True)
    why = "a template was loaded"
    finding = Finding("template-loaded", Severity.CRITICAL, fakes.TEMPLATE, MACHINE.id, why, ())
    return plan_repair(finding, Look(snapshot, {MACHINE.id: facts}, MACHINE), "t1")


@pytest.mark.parametrize(("status", "words"), WORDS.values(), ids=WORDS)
async def test_it_is_caught_before_the_first_step_in_sudos_own_words(
    status: int, words: str, home: Home
) -> None:
    async def refusing(process: Process, _: list[str]) -> None:
        process.stderr.write(words.encode())
        process.exit(status)

    plan = planned()
    async with SshMachine(refusing) as machine:
        home.knows(machine)
        hosts = connect_hosts(home.settings(machine))
        operator = Operator(
            ClusterAddress(("http://127.0.0.1:1",), "/f/"),
            fakes.FakeRegistry(fakes.faulted()),
            fakes.FakeHosts({MACHINE.id: fakes.facts(MACHINE, broken=True)}),
            writer=connect_writer(["http://127.0.0.1:1"], "/f/"),
            hands=hands_for(hosts),
            name="ann@desk",
        )
        checks = {c.name: c for c in await preflight(operator, plan, home.folder / "repairs")}
        await hosts.close()
        asked = [tuple(shlex.split(command)) for command in machine.asked]
    assert not checks[SUDO].met
    assert words.splitlines()[-1] in checks[SUDO].detail.raw
    assert {*asked} <= {sudo_works().argv, check_quarantine("t1").argv}
    assert {check.name for check in checks.values() if check.met}
