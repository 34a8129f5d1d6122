"""What a repair's script insists on before it changes anything, and again before each step."""

import json
import re
import shlex

from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import DeleteKey, Stage, StartUnit, Step, Way
from fleettui.repair.script.shell import Lines, Shell, checked

_CLEAN = 'for path; do if [ -e "$path" ] || [ -L "$path" ]; then exit 1; fi; done'
_GENTLE = r"(^|[^0-9.])0\.(8|9|10|11|12)\."
"""A fleetd that the gentle way was measured on, or one between those, in what it says of itself."""


def conditions(shell: Shell) -> Lines:
    """The functions that the script calls before each of its steps."""
    plan = shell.plan
    yield ""
    yield "# still_so: nobody else repairs, and the machine is still the one that was looked at."
    yield "still_so() {"
    yield f"  read_key {shlex.quote(f'/fleettui{shell.prefix}/lock')}"
    yield "  case $status$answer in"
    yield f"    404* | *{plan.token}*) ;;"
    yield '    *) stop "somebody else repairs this cluster: $answer" ;;'
    yield "  esac"
    if plan.machine is not None:
        yield from shell.captured("is", "cat /etc/machine-id")
        yield '  printf \'%s\\n\' "$is" | grep -qx "$machine" || stop "another machine: $is"'
    yield "}"
    if plan.way is not None:
        yield from _watches(shell)


def preflight(shell: Shell, *, is_led: bool) -> Lines:
    """What must be so before anything is changed; `is_led`: an engine must lead the cluster."""
    yield ""
    yield "say 'Before anything is changed'"
    yield "still_so"
    if is_led:
        yield f"read_key {shell.key('lease', 'engine-leader')}"
        yield "[ \"$status\" = 200 ] || stop 'no engine leads: heal etcd first'"
    if shell.plan.machine is not None:
        yield from from_now_on(shell)
    yield "say '   read back: all is as it should be'"


def before_step(shell: Shell, step: Step) -> Lines:
    """What must be so right before one step."""
    yield "still_so"
    for action in step.actions:
        if isinstance(action, StartUnit):
            yield from _wanted_here(shell, action.unit)
    if any(isinstance(a, DeleteKey) and not a.may_be_renewed for a in step.actions):
        yield from _orphaned(shell, step)
    if step.stage is Stage.RESTART and shell.plan.way is Way.GENTLE:
        yield from _gentle(shell)


def from_now_on(shell: Shell) -> Lines:
    """Which keys count as written anew."""
    yield f"since=$(now_index {shell.key('machines')})"
    yield "[ -n \"$since\" ] || stop 'etcd does not tell its index'"


def _watches(shell: Shell) -> Lines:
    """What must hold before fleetd is replaced: nothing brings the templates back."""
    units = shell.plan.units
    wanted = [
        f"{{ is_gone {key} || has_value {key} inactive; }} && is_gone {target}"
        for unit in units
        for key, target in [(shell.job(unit, "target-state"), shell.job(unit, "target"))]
    ]
    paths = [f"{folder}/{unit.raw}" for unit in units for folder in (FLEET_UNITS, SYSTEMD_UNITS)]
    yield "is_unwanted() {"
    yield "  " + " &&\n    ".join(wanted)
    yield "}"
    yield "is_clean() {"
    yield from shell.run(shlex.join(("sh", "-c", _CLEAN, "fleettui-clean", *paths)), "")
    yield "}"


def _gentle(shell: Shell) -> Lines:
    """The fleetd that runs is the one that the plan was made for, and so is the one to be started.

    CoreOS updates by itself: from 0.13 on what is killed and started loses its units.
    """
    machine = shell.plan.machine
    version = checked(machine.version.raw) if machine else ""
    pattern = json.dumps(json.dumps({"Version": version}, separators=(",", ":"))[1:-1])[1:-1]
    yield f"read_key {shell.key('machines', shell.plan.machine_id.raw, 'object')}"
    yield "case $status$answer in"
    yield f"  404* | *{shlex.quote(pattern)}*) ;;"
    yield "  *) stop 'another fleetd runs by now than the one this was made for: locate again' ;;"
    yield "esac"
    yield from shell.captured("said", "fleetd --version 2>&1 | head -n 1")
    yield "case $said in"
    yield f"  *[0-9].[0-9]*.[0-9]*) printf '%s\\n' \"$said\" | grep -qE {shlex.quote(_GENTLE)} ||"
    yield '    stop "the fleetd on the disk is not restarted gently: $said" ;;'
    yield "esac"


def _wanted_here(shell: Shell, unit: Untrusted) -> Lines:
    """The registry still wants the unit launched, and on this machine."""
    target = shell.job(unit, "target")
    yield f"has_value {shell.job(unit, 'target-state')} launched ||"
    yield "  stop 'the registry does not want it launched any more: locate again'"
    yield f"is_gone {target} || has_value {target} {shlex.quote(shell.plan.machine_id.raw)} ||"
    yield "  stop 'the registry wants it on another machine by now: locate again'"
    yield f"is_there {shell.key('states', unit.raw, shell.plan.machine_id.raw)} ||"
    yield "  stop 'the agent does not report the unit any more: locate again'"


def _orphaned(shell: Shell, step: Step) -> Lines:
    """The job still holds nothing to run, and nobody runs it: it may have been submitted again."""
    deleted = {a.key[2].raw: a for a in step.actions if isinstance(a, DeleteKey)}
    (unit,) = shell.plan.units
    found = deleted.get("object")
    file = _hash_in(found.value) if found else None
    again = "stop 'the unit was submitted again by now: locate again'"
    if found is None:
        yield f"is_gone {shell.job(unit, 'object')} || {again}"
    elif file is not None:
        yield f"is_gone {shell.key('unit', file)} || {again}"
    yield f"is_gone {shell.job(unit, 'job-state')} || stop 'a machine runs it by now: locate again'"
    yield f"is_unreported {shell.key('states', unit.raw)} ||"
    yield "  stop 'a machine reports it by now: locate again'"


def _hash_in(value: Untrusted) -> str | None:
    """The hash that a job's object names, in hex (fleet registry/job.go); None for a broken one."""
    try:
        found = json.loads(value.raw)["UnitHash"]
        digest = bytes(found).hex()
    except (ValueError, TypeError, KeyError):
        return None
    return digest if re.fullmatch("[0-9a-f]{40}", digest) else None
