"""The steps of a repair in shell: each does what the wizard would do, and reads back the same."""

import shlex
from collections.abc import Iterator
from typing import assert_never
from urllib.parse import quote

from fleettui.commands import copy_file, shell_text
from fleettui.model.cluster import TargetState
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS
from fleettui.model.names import refusal
from fleettui.model.untrusted import Untrusted
from fleettui.repair.action import (
    CreateKey,
    DeleteFolder,
    DeleteKey,
    OnMachine,
    OnRegistry,
    Reload,
    RemoveFile,
    RemoveLink,
    Restart,
    RestoreFile,
    RestoreLink,
    SetTargetState,
    Stage,
    StartUnit,
    Step,
    TrySudo,
    Way,
    host_commands,
    summary,
)
from fleettui.repair.plan import Plan

Lines = Iterator[str]
_END = "COMMAND"
"""Ends a command in the script; no line of a command is this word."""
_FAILED = " || stop 'it failed on the machine, or ssh did: see above'"
_CLEAN = 'for path; do if [ -e "$path" ] || [ -L "$path" ]; then exit 1; fi; done'
_JOURNAL = "journalctl -q --no-pager -o cat -u fleet.service"
_LOOPS = (
    "Failed fetching current unit states: Unit name ",
    "failed fetching unit states from UnitManager: Unit name ",
)
"""What fleetd's two loops say of a template, whatever systemd says after it."""


def checked(text: str) -> str:
    """Text that a command line can hold. Raises ValueError."""
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError(f"no command line can hold {Untrusted(text)}")
    return text


class Steps:
    """The shell lines of one plan; `prefix` is where fleet keeps its keys."""

    def __init__(self, plan: Plan, prefix: str) -> None:
        self._plan = plan
        self._prefix = "".join(f"/{quote(s, safe='')}" for s in prefix.split("/") if s)
        self._actable = [u for u in plan.at_stake if refusal(u.name.raw) is None]

    # --- before the first change ------------------------------------------------------------

    def preflight(self, *, is_led: bool) -> Lines:
        """What must be so before anything is changed."""
        yield "say 'Before anything is changed'"
        yield f"read_key {shlex.quote(f'/fleettui{self._prefix}/lock')}"
        yield "case $status$answer in"
        yield f"  404* | *{self._plan.token}*) ;;"
        yield '  *) stop "somebody else repairs this cluster: $answer" ;;'
        yield "esac"
        if is_led:
            yield f"read_key {self._key('lease', 'engine-leader')}"
            yield "[ \"$status\" = 200 ] || stop 'no engine leads: heal etcd first'"
        if self._plan.machine is not None:
            yield from self._captured("is", "cat /etc/machine-id")
            yield 'printf \'%s\\n\' "$is" | grep -qx "$machine" || stop "another machine: $is"'
            yield from self._from_now_on()
        yield "say '   read back: all is as it should be'"
        if self._plan.way is not None:
            yield from self._watches()

    def _from_now_on(self) -> Lines:
        """Which states count as written anew."""
        yield f"since=$(now_index {self._key('machines')})"
        yield "[ -n \"$since\" ] || stop 'etcd does not tell its index'"

    def _watches(self) -> Lines:
        """What must hold before fleetd is replaced: nothing brings the templates back."""
        wanted = [
            f"{{ is_gone {key} || has_value {key} inactive; }} && is_gone {target}"
            for unit in self._plan.units
            for key, target in [(self._job(unit, "target-state"), self._job(unit, "target"))]
        ]
        paths = [
            f"{folder}/{unit.raw}"
            for unit in self._plan.units
            for folder in (FLEET_UNITS, SYSTEMD_UNITS)
        ]
        yield ""
        yield "is_unwanted() {"
        yield "  " + " &&\n    ".join(wanted)
        yield "}"
        yield "is_clean() {"
        yield from self._run(shlex.join(("sh", "-c", _CLEAN, "fleettui-clean", *paths)), "")
        yield "}"

    # --- steps ------------------------------------------------------------------------------

    def step(self, step: Step) -> Lines:
        """The actions of a step in their order, then what must be read back."""
        for action in step.actions:
            yield f"say {shlex.quote(f'   {summary(action)}')}"
            if isinstance(action, SetTargetState | DeleteKey | DeleteFolder | CreateKey):
                yield from self._on_registry(action)
            else:
                yield from self._on_machine(action)
        if step.stage is Stage.DELETE:
            yield from self._unbroken()

    def _on_registry(self, action: OnRegistry) -> Lines:
        match action:
            case SetTargetState():
                return self._set_target_state(action)
            case DeleteKey():
                return self._delete_key(action)
            case DeleteFolder():
                return self._delete_folder(action)
            case CreateKey():
                raise ValueError(f"no step of a plan is to {summary(action)}")
            case _:
                assert_never(action)

    def _on_machine(self, action: OnMachine) -> Lines:
        match action:
            case TrySudo():
                yield from self._command(action)
            case RemoveFile():
                yield from self._copied(action)
                yield from self._removed(action)
            case RemoveLink():
                yield from self._removed(action)
            case Reload():
                yield from self._command(action)
                yield from self._reloaded()
            case Restart():
                yield from self._restart(action)
            case StartUnit():
                yield from self._command(action)
                yield from self._is_active(action.unit)
            case RestoreFile() | RestoreLink():
                raise ValueError(f"no step of a plan is to {summary(action)}")
            case _:
                assert_never(action)

    def _unbroken(self) -> Lines:
        yield "wait_for 20 'nobody wants it, and no machine is its target' is_unwanted"
        yield "wait_for 10 'nothing of it is left in either folder' is_clean"

    def _set_target_state(self, action: SetTargetState) -> Lines:
        key = self._job(action.unit, "target-state")
        old, new = checked(action.expected), action.wanted
        yield f"read_key {key}"
        yield "case $status$(value) in"
        gone = "say '   it has none any more' ;;"
        none = "stop 'the unit has no target state any more' ;;"
        yield f"  404*) {gone if new is TargetState.INACTIVE else none}"
        yield f"  200{new}) say '   it is so already' ;;"
        yield "  *)"
        yield f"    write PUT {key} \\"
        yield f"      --data-urlencode {shlex.quote(f'prevValue={old}')} \\"
        yield f"      --data-urlencode value={new}"
        yield f"    wait_for 10 'target state {new}' has_value {key} {new}"
        yield "    ;;"
        yield "esac"

    def _copied(self, action: RemoveFile) -> Lines:
        """A copy of the file on this machine, before it is removed there."""
        name = shlex.quote(f"./{self._plan.token}.{action.unit.raw}")
        command = shell_text(copy_file(FLEET_UNITS, action.unit.raw))
        yield "code=0"
        yield from self._run(command, " || code=$?", f" >{name}.part")
        yield "case $code in"
        yield "  0)"
        yield f"    tail -n +2 {name}.part >{name}"
        yield f'    [ "$(sha256 <{name})" = {action.sha256} ] ||'
        yield "      stop 'it is another file now than the one that was looked at: locate again'"
        yield f"    say {shlex.quote(f'   a copy is kept here as {name}')}"
        yield "    ;;"
        yield "  3) say '   it is gone already' ;;"
        yield '  *) stop "no copy could be taken: ssh ended with $code" ;;'
        yield "esac"
        yield f"rm -f {name}.part"

    def _removed(self, action: RemoveFile | RemoveLink) -> Lines:
        (command,) = host_commands(action, self._plan.token)
        yield from self._captured("said", shell_text(command))
        yield 'removed "$said"'

    def _reloaded(self) -> Lines:
        names = [u.name.raw for u in self._actable]
        if self._plan.way is None:
            names = [unit.raw for unit in self._plan.units]
        if names:
            ask = "-p NeedDaemonReload" if self._plan.way else "-p LoadState -p NeedDaemonReload"
            yield from self._captured("said", f"systemctl show {ask} -- {shlex.join(names)}")
            yield "if printf '%s\\n' \"$said\" | grep -q -e '=yes' -e '=not-found'; then"
            yield '  stop "systemd still does not know: $said"'
            yield "fi"
            yield "say '   read back: no unit waits for another reload'"

    def _restart(self, action: Restart) -> Lines:
        pids = f"systemctl show -p Id -p MainPID -- {shlex.join(u.name.raw for u in self._actable)}"
        yield from self._unbroken()
        yield from self._from_now_on()
        yield "old_pid=$(main_pid)"
        yield "[ -n \"$old_pid\" ] || stop 'systemd does not tell about fleet.service'"
        if self._actable:
            yield from self._captured("before", pids)
        commands = [shell_text(command) for command in host_commands(action, self._plan.token)]
        if action.way is Way.GENTLE:
            yield 'if [ "$old_pid" != 0 ]; then'
            yield from self._run(commands.pop(0))
            yield "  wait_for 20 'the old fleetd is gone' is_other_process"
            yield "fi"
        for command in commands:
            yield from self._run(command)
        yield "wait_for 180 'a new fleetd is active' is_new_process"
        yield "new_pid=$pid"
        yield "sleep 10"
        yield "is_new_process || stop 'the new fleetd did not stay active for 10 s'"
        yield '[ "$pid" = "$new_pid" ] || stop \'fleetd was replaced once more within 10 s\''
        yield "say '   read back: it stayed active for 10 s'"
        if self._actable:
            yield from self._captured("after", pids)
            yield 'if [ "$before" = "$after" ]; then'
            yield '  say "   no unit\'s main process changed"'
            yield "else"
            yield '  say "   main processes changed, before:" "$before" "after:" "$after"'
            yield "fi"

    def _is_active(self, unit: Untrusted) -> Lines:
        ask = f"systemctl show -p ActiveState -- {shlex.quote(unit.raw)}"
        yield "is_running() {"
        yield from self._run(ask, " | grep -qx ActiveState=active")
        yield "}"
        yield "wait_for 300 'systemd says that it is active' is_running"

    def _delete_key(self, action: DeleteKey) -> Lines:
        key = self._key(*(segment.raw for segment in action.key))
        condition = f"prevIndex={action.index}"
        if action.may_be_renewed and action.value.raw:
            condition = f"prevValue={checked(action.value.raw)}"
        yield f"read_key {key}"
        yield "if [ \"$status\" = 404 ]; then say '   it is gone already'; else"
        yield f"  write DELETE {key} -G --data-urlencode {shlex.quote(condition)}"
        yield f"  wait_for 10 'the key is gone' is_gone {key}"
        yield "fi"

    def _delete_folder(self, action: DeleteFolder) -> Lines:
        key = self._key(*(segment.raw for segment in action.key))
        yield f"read_key {key}"
        yield "if [ \"$status\" = 404 ]; then say '   it is gone already'; else"
        yield f"  write DELETE {key} -G --data-urlencode dir=true"
        yield f"  wait_for 10 'the folder is gone' is_gone {key}"
        yield "fi"

    # --- verify -----------------------------------------------------------------------------

    def verify(self) -> Lines:
        """The proof that the fault is gone, as far as a script can tell."""
        deleted = [a for s in self._plan.steps for a in s.actions if isinstance(a, DeleteKey)]
        if self._plan.way is not None:
            yield from self._restart_proof()
        elif any(action.may_be_renewed for action in deleted):
            key = self._key(*(segment.raw for segment in deleted[0].key))
            yield "say '   for 17 s, in which an agent would write it again'"
            yield "sleep 17"
            yield f"is_gone {key} || stop 'an agent wrote it again: restart fleet on that machine'"
        elif self._plan.machine is not None:
            for unit in self._plan.units:
                yield from self._is_told(unit, "is_true")

    def _restart_proof(self) -> Lines:
        machine = self._key("machines", self._plan.machine_id.raw, "object")
        yield f"wait_for 90 'the machine is in the registry' is_there {machine}"
        yield from self._unbroken()
        yield "sleep 13"
        yield from self._captured("said", f"{_JOURNAL} -n 1")
        yield "[ -n \"$said\" ] || stop 'the SSH user cannot read the journal of fleet.service'"
        yield "is_quiet() {"
        yield from self._captured("said", f"{_JOURNAL} --since=-12s", " || return 1")
        loops = " ".join(f"-e {shlex.quote(loop)}" for loop in _LOOPS)
        yield f"  ! printf '%s\\n' \"$said\" | grep -q {loops}"
        yield "}"
        yield "wait_for 60 '12 s without a line of the fault' is_quiet"
        told = "is_true_or_elsewhere" if self._plan.way is Way.FULL else "is_true"
        for unit in self._actable:
            yield from self._is_told(unit.name, told)
        for unit in self._plan.at_stake:
            if unit not in self._actable:
                yield f"# Not looked at, because of its name: {' '.join(str(unit.name).split())}"

    def _is_told(self, unit: Untrusted, how: str) -> Lines:
        """The machine's state of a unit in the registry, written anew, is systemd's own."""
        state = self._key("states", unit.raw, self._plan.machine_id.raw)
        ask = f"systemctl show -p ActiveState -p SubState -- {shlex.quote(unit.raw)}"
        what = f"{unit.raw}: written anew, and the registry says what systemd says"
        yield f"wait_for 300 {shlex.quote(what)} \\"
        yield f"  {how} {state} \\"
        yield f"  {shlex.quote(ask)}"

    # --- pieces -----------------------------------------------------------------------------

    def _command(self, action: TrySudo | Reload | StartUnit) -> Lines:
        for command in host_commands(action, self._plan.token):
            yield from self._run(shell_text(command))

    def _run(self, command: str, otherwise: str = _FAILED, into: str = "") -> Lines:
        """A command as the machine's shell gets it, unquoted: what is shown is what runs."""
        yield f"on_machine{into} <<'{_END}'{otherwise}"
        yield from self._text(command)

    def _captured(self, variable: str, command: str, otherwise: str = _FAILED) -> Lines:
        """The same, with what it prints in a variable."""
        yield f"{variable}=$(on_machine <<'{_END}'"
        yield from self._text(command)
        yield f"){otherwise}"

    def _text(self, command: str) -> Lines:
        if _END in command.split("\n"):
            raise ValueError(f"no script is made: a line of a command is {_END}")
        yield checked(command)
        yield _END

    def _job(self, unit: Untrusted, leaf: str) -> str:
        return self._key("job", unit.raw, leaf)

    def _key(self, *segments: str) -> str:
        """The path of a key, quoted for the shell."""
        path = "".join(f"/{quote(checked(segment), safe='')}" for segment in segments)
        return shlex.quote(f"{self._prefix}{path}")
