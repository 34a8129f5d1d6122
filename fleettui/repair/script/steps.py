"""The steps of a repair in shell: each does what the wizard would do, and reads back the same."""

import shlex
from typing import assert_never

from fleettui.commands import copy_file, shell_text
from fleettui.model.cluster import TargetState
from fleettui.model.host import FLEET_UNITS
from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import (
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
from fleettui.repair.script.before import from_now_on
from fleettui.repair.script.shell import Lines, Shell, checked

_JOURNAL = "journalctl -q --no-pager -o cat -u fleet.service"
_LOOPS = (
    "Failed fetching current unit states: Unit name ",
    "failed fetching unit states from UnitManager: Unit name ",
)
"""What fleetd's two loops say of a template, whatever systemd says after it."""


class Steps:
    """The shell lines of one plan's steps, and of its proof."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._plan = shell.plan

    # --- steps ------------------------------------------------------------------------------

    def step(self, step: Step) -> Lines:
        """The actions of a step in their order, then what must be read back."""
        is_sent = step.stage is Stage.DELETE
        for action in step.actions:
            if is_sent and isinstance(action, RemoveFile | RemoveLink):
                yield from self._unwanted()
                is_sent = False
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

    def _unwanted(self) -> Lines:
        """A fleetd at work on what it read before would write a file again that went earlier."""
        yield "wait_for 20 'nobody wants it, and no machine is its target' is_unwanted"

    def _unbroken(self) -> Lines:
        yield from self._unwanted()
        yield "wait_for 10 'nothing of it is left in either folder' is_clean"

    def _set_target_state(self, action: SetTargetState) -> Lines:
        key = self._shell.job(action.unit, "target-state")
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
        yield from self._shell.run(command, " || code=$?", f" >{name}.part")
        yield "case $code in"
        yield "  0)"
        yield f"    tail -n +2 {name}.part >{name}.new"
        yield f'    [ "$(sha256 <{name}.new)" = {action.sha256} ] ||'
        yield "      stop 'it is another file now than the one that was looked at: locate again'"
        yield f'    [ ! -e {name} ] || [ "$(sha256 <{name})" = {action.sha256} ] ||'
        yield f"      stop {shlex.quote(f'{name} is another file: move it away')}"
        yield f"    mv -f {name}.new {name}"
        yield f"    say {shlex.quote(f'   a copy is kept here as {name}')}"
        yield "    ;;"
        yield "  3) say '   it is gone already' ;;"
        yield '  *) stop "no copy could be taken: ssh ended with $code" ;;'
        yield "esac"
        yield f"rm -f {name}.part"

    def _removed(self, action: RemoveFile | RemoveLink) -> Lines:
        (command,) = host_commands(action, self._plan.token)
        yield from self._shell.captured("said", shell_text(command))
        yield 'removed "$said"'

    def _reloaded(self) -> Lines:
        names = [u.name.raw for u in self._shell.actable]
        if self._plan.way is None:
            names = [unit.raw for unit in self._plan.units]
        if names:
            ask = "-p NeedDaemonReload" if self._plan.way else "-p LoadState -p NeedDaemonReload"
            yield from self._shell.captured("said", f"systemctl show {ask} -- {shlex.join(names)}")
            yield "if printf '%s\\n' \"$said\" | grep -q -e '=yes' -e '=not-found'; then"
            yield '  stop "systemd still does not know: $said"'
            yield "fi"
            yield "say '   read back: no unit waits for another reload'"

    def _restart(self, action: Restart) -> Lines:
        names = shlex.join(unit.name.raw for unit in self._shell.actable)
        pids = f"systemctl show -p Id -p MainPID -- {names}"
        yield from self._unbroken()
        yield from from_now_on(self._shell)
        yield "old_pid=$(main_pid)"
        yield "[ -n \"$old_pid\" ] || stop 'systemd does not tell about fleet.service'"
        if self._shell.actable:
            yield from self._shell.captured("before", pids)
        commands = [shell_text(command) for command in host_commands(action, self._plan.token)]
        if action.way is Way.GENTLE:
            yield 'if [ "$old_pid" != 0 ]; then'
            yield from self._shell.run(commands.pop(0))
            yield "  wait_for 20 'the old fleetd is gone' is_other_process"
            yield "fi"
        for command in commands:
            yield from self._shell.run(command)
        yield "wait_for 180 'a new fleetd is active' is_new_process"
        yield "new_pid=$pid"
        yield "sleep 10"
        yield "is_new_process || stop 'the new fleetd did not stay active for 10 s'"
        yield '[ "$pid" = "$new_pid" ] || stop \'fleetd was replaced once more within 10 s\''
        yield "say '   read back: it stayed active for 10 s'"
        if self._shell.actable:
            yield from self._shell.captured("after", pids)
            yield 'if [ "$before" = "$after" ]; then'
            yield '  say "   no unit\'s main process changed"'
            yield "else"
            yield '  say "   main processes changed, before:" "$before" "after:" "$after"'
            yield "fi"

    def _is_active(self, unit: Untrusted) -> Lines:
        ask = f"systemctl show -p ActiveState -- {shlex.quote(unit.raw)}"
        yield "is_running() {"
        yield from self._shell.run(ask, " | grep -qx ActiveState=active")
        yield "}"
        yield "wait_for 300 'systemd says that it is active' is_running"

    def _delete_key(self, action: DeleteKey) -> Lines:
        key = self._shell.key(*(segment.raw for segment in action.key))
        condition = f"prevIndex={action.index}"
        if action.may_be_renewed and action.value.raw:
            condition = f"prevValue={checked(action.value.raw)}"
        yield f"read_key {key}"
        yield "if [ \"$status\" = 404 ]; then say '   it is gone already'; else"
        yield f"  write DELETE {key} -G --data-urlencode {shlex.quote(condition)}"
        yield f"  wait_for 10 'the key is gone' is_gone {key}"
        yield "fi"

    def _delete_folder(self, action: DeleteFolder) -> Lines:
        key = self._shell.key(*(segment.raw for segment in action.key))
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
            key = self._shell.key(*(segment.raw for segment in deleted[0].key))
            yield "say '   for 17 s, in which an agent would write it again'"
            yield "sleep 17"
            yield f"is_gone {key} || stop 'an agent wrote it again: restart fleet on that machine'"
        elif self._plan.machine is not None:
            for unit in self._plan.units:
                yield from self._is_told(unit, "is_true")

    def _restart_proof(self) -> Lines:
        machine = self._shell.key("machines", self._plan.machine_id.raw, "object")
        yield f"wait_for 90 'the new fleetd wrote the machine to the registry' is_written {machine}"
        yield from self._unbroken()
        yield "sleep 13"
        yield from self._shell.captured("said", f"{_JOURNAL} -n 1")
        yield "[ -n \"$said\" ] || stop 'the SSH user cannot read the journal of fleet.service'"
        yield "is_quiet() {"
        yield from self._shell.captured("said", f"{_JOURNAL} --since=-12s", " || return 1")
        loops = " ".join(f"-e {shlex.quote(loop)}" for loop in _LOOPS)
        yield f"  ! printf '%s\\n' \"$said\" | grep -q {loops}"
        yield "}"
        yield "wait_for 60 '12 s without a line of the fault' is_quiet"
        told = "is_true_or_elsewhere" if self._plan.way is Way.FULL else "is_true"
        for unit in self._shell.actable:
            yield from self._is_told(unit.name, told)
        for unit in self._plan.at_stake:
            if unit not in self._shell.actable:
                yield f"# Not looked at, because of its name: {' '.join(str(unit.name).split())}"

    def _is_told(self, unit: Untrusted, how: str) -> Lines:
        """The machine's state of a unit in the registry, written anew, is systemd's own."""
        state = self._shell.key("states", unit.raw, self._plan.machine_id.raw)
        ask = f"systemctl show -p ActiveState -p SubState -- {shlex.quote(unit.raw)}"
        may_move = how != "is_true"
        moved = ", or it is active where the engine sent it" if may_move else ""
        what = f"{unit.raw}: written anew, and the registry says what systemd says{moved}"
        yield f"wait_for 300 {shlex.quote(what)} \\"
        yield f"  {how} {state} \\"
        elsewhere = f" {self._shell.job(unit, 'target')}" if may_move else ""
        yield f"  {shlex.quote(ask)}{elsewhere}"

    def _command(self, action: TrySudo | Reload | StartUnit) -> Lines:
        for command in host_commands(action, self._plan.token):
            yield from self._shell.run(shell_text(command))
