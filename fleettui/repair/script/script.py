"""A repair as a POSIX shell script, to be run by hand instead of the wizard; pure."""

import re
import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from fleettui.model.cluster import Machine
from fleettui.model.names import refusal
from fleettui.model.place import NO_ADDRESSES, AddressMap
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Stage, Step
from fleettui.repair.planning.plan import Plan
from fleettui.repair.script.before import before_step, conditions, preflight
from fleettui.repair.script.parts import functions_for
from fleettui.repair.script.shell import Lines, Shell, checked
from fleettui.repair.script.steps import Steps

_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_ABOUT = """\
#
# To be run by hand, on a machine that reaches etcd and the machines: it needs curl and ssh. It
# does what fleettui's wizard would do, asks nothing, reads back after each step, and stops at the
# first thing that is not as it should be. Run again, it goes on where it stopped: what is done
# already is seen and left alone, but a restart is done again. It looks whether somebody holds
# fleettui's lock, and does not take it: have nobody else repair meanwhile. It has no password for
# sudo: where sudo wants one, it stops before the machine is changed."""
_USER = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, slots=True)
class SshTarget:
    """How the machine is reached by OpenSSH's client."""

    user: str
    host: str
    port: int | None = None
    """None = as ssh_config says."""

    @classmethod
    def of(
        cls,
        machine: Machine,
        user: str,
        port: int | None = None,
        addresses: AddressMap = NO_ADDRESSES,
    ) -> "SshTarget":
        """The machine where the operator's map has it, else at its published address."""
        place = addresses.place_of(machine)
        if place is None:
            return cls(user, machine.public_ip.raw, port)
        return cls(user, place.host, place.port or port)

    def words(self) -> tuple[str, ...]:
        """ssh's options and its target. Raises ValueError where one could be read otherwise."""
        if not _USER.fullmatch(self.user):
            raise ValueError(f"no script is made for the SSH user {Untrusted(self.user)}")
        if not _is_host(self.host):
            raise ValueError(
                f"no script is made: the machine's address {Untrusted(self.host)} is neither an IP "
                "address nor a host name"
            )
        port = ("-p", str(self.port)) if self.port else ()
        return ("-o", "ConnectTimeout=10", *port, "--", f"{self.user}@{self.host}")


def as_script(
    plan: Plan, done: Collection[Stage], endpoint: str, prefix: str, ssh: SshTarget | None
) -> str:
    """What is left of a plan as a script for sh: it does the same, and reads back the same.

    `done` are the stages that were read back before; `endpoint` and `prefix` are etcd's and
    fleet's; `ssh` is needed where the plan has a machine. Raises ValueError for what cannot be
    put into a script safely.
    """
    for unit in plan.units:
        why = refusal(unit.raw)
        if why is not None:
            raise ValueError(f"no script is made for {unit}: {why}")
    if plan.machine is not None and ssh is None:
        raise ValueError("no script is made: it is not known how to reach the machine by SSH")
    body = "\n".join(_body(Shell(plan, prefix), frozenset(done)))
    contact = "\n".join(_contact(plan, endpoint, ssh))
    functions = functions_for(body)
    return "\n".join((*_head(plan), contact, functions, body, ""))


def _head(plan: Plan) -> Iterator[str]:
    yield "#!/bin/sh"
    yield f"# Repairs {plan.fault}: {_words(', '.join(str(unit) for unit in plan.units))}"
    if plan.machine is None:
        yield "# in the registry alone; no machine is touched."
    else:
        name = f"{Untrusted(plan.host)} ({plan.machine.public_ip}, machine {plan.machine.id})"
        yield f"# on {_words(name)}."
    yield _ABOUT
    yield "set -eu"
    yield "umask 077"


def _contact(plan: Plan, endpoint: str, ssh: SshTarget | None) -> Iterator[str]:
    """Where etcd is, and how the machine is reached."""
    yield f"etcd={shlex.quote(checked(endpoint.rstrip('/')))}"
    if plan.machine is None or ssh is None:
        return
    yield f"machine={shlex.quote(checked(plan.machine.id.raw))}"
    yield ""
    yield "# on_machine: what stands on standard input is the line that the machine's shell gets."
    yield "on_machine() {"
    yield f'  ssh -n -T {shlex.join(ssh.words())} "$(cat)"'
    yield "}"


def _body(shell: Shell, done: frozenset[Stage]) -> Lines:
    plan, steps = shell.plan, Steps(shell)
    yield from conditions(shell)
    yield from preflight(shell, is_led=Stage.DELETE in plan.stages and Stage.DELETE not in done)
    for number, step in enumerate(plan.steps, 1):
        yield ""
        yield f"# --- {number}. {step.stage} ".ljust(99, "-")
        if step.stage in done:
            yield "# It was done before, and read back."
            continue
        yield from _comments(step)
        yield f"say {shlex.quote(f'{number}. {step.stage}')}"
        yield from before_step(shell, step)
        yield from steps.step(step)
    yield ""
    yield f"# --- {len(plan.steps) + 1}. verify ".ljust(99, "-")
    yield f"say {shlex.quote(f'{len(plan.steps) + 1}. verify')}"
    yield from steps.verify()
    yield "say 'Repaired, and read back from the cluster.'"


def _comments(step: Step) -> Lines:
    yield f"# Why: {_words(step.why)}"
    for title, lines in (("Changes", step.changes), ("Leaves alone", step.keeps)):
        yield from (f"# {title}: {_words(line)}" for line in lines)
    yield f"# Read back: {_words(step.reads_back)}"


def _words(text: str) -> str:
    """Text that stays within its line of comment."""
    return " ".join(text.split())


def _is_host(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return _HOST.fullmatch(host) is not None
    return True
