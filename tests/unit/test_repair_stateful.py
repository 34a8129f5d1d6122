"""Plan, record and resume against the model, with failures injected at every call.

Whatever fails and whenever: a destructive act is never done twice, none is done without its intent
on the disk, nothing is called done that was not read back, and every repair can be finished.
"""

import asyncio
import errno
import json
import os
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import pytest
from cluster_model import CONTENT, World
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from repair_cases import FINDING, QUICK, nobody, yes

from fleettui.access import (
    CommandResult,
    Ending,
    HostUnreachable,
    LockLost,
    RegistryUnavailable,
    WriteUnknown,
)
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving import preflight
from fleettui.repair.driving.driver import Repair
from fleettui.repair.driving.run import CannotBegin, open_repair, resume_repair
from fleettui.repair.planning.action import (
    Reload,
    RemoveFile,
    RemoveLink,
    Restart,
    RestoreFile,
    RestoreLink,
    SetTargetState,
    Stage,
    Way,
)
from fleettui.repair.planning.locate import locate
from fleettui.repair.records import record
from fleettui.repair.records.outcome import Outcome, Result
from fleettui.repair.records.past import Closed, PastRepair, PastState, past_repairs, read_past
from fleettui.repair.records.record import Record

T = TypeVar("T")
READS = {"read", "key", "lock holder"}
PROBES = {"probe", "copy", "changes"}
WRITES = {"unload", "take lock", "keep lock", "drop lock"}
ACTS = {
    "unload": SetTargetState,
    "file": RemoveFile,
    "link": RemoveLink,
    "reload": Reload,
    "kill": Restart,
    "start": Restart,
    "restart": Restart,
    "restore file": RestoreFile,
    "restore link": RestoreLink,
}
"""The changes, and what must be intended on the disk before each."""
KINDS = (
    "killed before",
    "killed after",
    "lost before",
    "lost after",
    "refused",
    "lock lost",
    "full",
)
Troubles = dict[str, tuple[int, str]]
"""What goes wrong within one rule: by the name of a call, which one of that name, and how."""
ASKED = ("disk", "read", "key", "probe", "copy", "changes", "lock holder", "take lock", "keep lock")
TROUBLES: st.SearchStrategy[Troubles] = st.one_of(
    st.just({}),
    st.dictionaries(
        st.sampled_from(sorted(ACTS)), st.tuples(st.just(0), st.sampled_from(KINDS)), min_size=1
    ),
    st.dictionaries(
        st.sampled_from(ASKED), st.tuples(st.integers(0, 9), st.sampled_from(KINDS)), max_size=2
    ),
)


class Killed(BaseException):
    """SIGKILL: nothing of this process runs after it."""


class Repairs(RuleBasedStateMachine):
    """One machine, one operator at a time, and whatever may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.records = Path(self.folder.name)
        self.loop = asyncio.new_event_loop()
        self.world = World(
            trouble=self._before,
            after=self._after,
            sabotage=self._instead,
            engine_lag=timedelta(seconds=7),
        )
        self.is_spent = False
        """Whether a fleetd was ended for this repair, and nothing has called for another since."""
        self.repair: Repair | None = None
        self.troubles: Troubles = {}
        self.asked: Counter[str] = Counter()
        """How often each call was made within the rule."""
        self.handles: list[int] = []
        """Files that this process holds open."""
        self.now = ""
        """What goes wrong with the call under way."""
        self.is_dead = False
        self.patched = ExitStack()
        for change in (
            patch.object(Record, "_append", _writing(self, Record._append)),
            patch.object(os, "fsync", lambda _: None),
            patch.object(record, "_held", _holding(self.handles, record._held)),
            patch.object(Record, "close", _closing(self.handles, Record.close)),
            patch.object(preflight, "ROOM", 100),
        ):
            self.patched.enter_context(change)

    def teardown(self) -> None:
        try:
            self._end()
        finally:
            self.patched.close()
            self.loop.close()
            self.folder.cleanup()

    def _end(self) -> None:
        """Without any more trouble, the repair that was begun is finished or was never needed."""
        self._die()
        self.troubles = {}
        tries = 0
        while (past := self._unfinished()) is not None:
            # A plan is out of date where fleetd wrote the file again after locate.
            tries += 1
            assert tries < 4, "it cannot be finished"
            self._run(self._resume(past))
            assert self.repair is not None, "it cannot be taken up"
            self._run(self._finish(self.repair))

    async def _finish(self, repair: Repair) -> None:
        while repair.next_stage is not None:
            if (await self._next(repair)).result is not Result.DONE:
                await repair.leave("locate again")
                return
        await repair.close(Closed.REPAIRED)

    # --- what the operator does --------------------------------------------------------------

    @precondition(lambda self: self.repair is None and self._unfinished() is None)
    @rule(troubles=TROUBLES)
    def begin(self, troubles: Troubles) -> None:
        self.troubles = troubles
        self._run(self._open())

    @precondition(lambda self: self.repair is None and self._unfinished() is not None)
    @rule(troubles=TROUBLES)
    def take_up(self, troubles: Troubles) -> None:
        self.troubles = troubles
        past = self._unfinished()
        assert past is not None
        self._run(self._resume(past))

    @precondition(lambda self: self.repair is not None and self.repair.next_stage is not None)
    @rule(troubles=TROUBLES)
    def go_on(self, troubles: Troubles) -> None:
        self.troubles = troubles
        assert self.repair is not None
        self._run(self._next(self.repair))

    @precondition(lambda self: self.repair is not None and Stage.RESTART in self.repair.done)
    @rule(way=st.sampled_from(Way))
    def restart_again(self, way: Way) -> None:
        assert self.repair is not None
        self.repair.choose(way)
        self.is_spent = False

    @precondition(lambda self: self.repair is not None and bool(self.repair.can_undo(Stage.DELETE)))
    @rule(troubles=TROUBLES)
    def undo(self, troubles: Troubles) -> None:
        self.troubles = troubles
        assert self.repair is not None
        outcome = self._run(self.repair.undo(Stage.DELETE))
        if outcome is not None and outcome.result is Result.DONE:
            assert self.world.file

    @precondition(lambda self: self.repair is not None)
    @rule()
    def leave(self) -> None:
        assert self.repair is not None
        self._run(self.repair.leave("for a while"))
        self.repair = None

    @precondition(lambda self: self.repair is not None)
    @rule()
    def killed(self) -> None:
        self._die()

    # --- what happens besides ----------------------------------------------------------------

    @rule(what=st.sampled_from(("loaded", "held", "died", "expired")))
    def something_happens(self, what: str) -> None:
        world = self.world
        match what:
            case "loaded":  # somebody makes the same mistake again
                world.target_state, self.is_spent = "loaded", False
                if world.fleet_pid and not world.in_memory:
                    world.file = world.link = world.in_memory = world.knows_template = True
            case "held":  # the new fleetd fails all the same
                world.in_memory = bool(world.fleet_pid)
            case "died" if world.fleet_pid:
                world.fleet_pid, world.killed_at = 0, world.clock
            case "expired":
                world.lock = None

    # --- what always holds -------------------------------------------------------------------

    @invariant()
    def every_record_can_be_read(self) -> None:
        for past in past_repairs(self.records):
            # One that was killed in its first line is none, and nothing was done then.
            assert past.state is not PastState.UNREADABLE or past.path.stat().st_size < 16_000

    def _acted(self, name: str) -> None:
        """Right before the machine or the registry carries out a change."""
        past = self._current()
        intended = [intent.action for intent in past.in_doubt]
        assert intended, f"{name} without an intent on the disk"
        assert isinstance(intended[-1], ACTS[name]), f"{name} was not what was intended"
        assert self.world.lock is not None, f"{name} without the lock"
        assert self.world.lock[0].token.raw == past.token, f"{name} under somebody else's lock"
        if name == "file" and self.world.file:
            assert any(kept.path.read_bytes() == CONTENT for kept in past.kept), "no copy is kept"
        if name in {"kill", "restart"} and self.world.fleet_pid:
            assert past.before is not None, f"{name} of a fleetd that nobody noted"
            noted = past.before.main_pid
            assert self.world.fleet_pid == noted, f"{name} of another fleetd than the one noted"
            again = self.is_spent and not self.world.in_memory
            assert not again, f"{name} of a fleetd that was replaced already"
            self.is_spent = True

    def _noted(self, past: PastRepair) -> None:
        """Right before a fleetd is noted as the one to be replaced: none is under way."""
        if past.before is not None and not self.world.in_memory:
            assert past.before.main_pid == self.world.fleet_pid, "a second restart for one yes"

    def _proven(self, stage: Stage) -> None:
        """A stage was called done: it is true in the model."""
        world = self.world
        if stage in {Stage.DELETE, Stage.VERIFY}:
            assert not world.is_targeted
            assert not world.file
            assert not world.link
        if stage is Stage.RELOAD:
            assert not world.knows_template or world.file  # read anew, whatever is there
        if stage in {Stage.RESTART, Stage.VERIFY}:
            before = self._current().before
            assert before is not None
            assert world.fleet_pid not in {0, before.main_pid}
            assert world.clock - world.started_at >= timedelta(seconds=10)
        if stage is Stage.VERIFY:
            assert not world.in_memory

    def _read_back(self, action: str) -> None:
        """An act was called done: it is true in the model."""
        world = self.world
        match action:
            case "SetTargetState":
                assert world.target_state in {"inactive", None}
            case "RemoveFile":
                assert not world.file
            case "RemoveLink":
                assert not world.link
            case "RestoreFile":
                assert world.file
            case "RestoreLink":
                assert world.link

    # --- inside ------------------------------------------------------------------------------

    async def _open(self) -> None:
        located = await locate(self.world.operator(), FINDING, self.world.machine)
        if located.plan is None:
            return
        try:
            self.is_spent = False
            self.repair = await open_repair(
                self.world.operator(), FINDING, located.plan, self.records, nobody, QUICK
            )
        except CannotBegin:
            # A lock whose process was killed before its first line stands until it expires.
            assert self.troubles or self.world.lock, "nothing was wrong"

    async def _resume(self, past: PastRepair) -> None:
        located = await locate(self.world.operator(), FINDING, self.world.machine)
        if located.plan is None and not located.is_clean:
            return
        try:
            self.repair = await resume_repair(
                self.world.operator(), past, located.plan, nobody, QUICK
            )
        except CannotBegin:
            assert self.troubles, "nothing was wrong"

    async def _next(self, repair: Repair) -> Outcome:
        stage = repair.next_stage
        assert stage is not None
        verify = stage is Stage.VERIFY
        outcome = await (repair.verify() if verify else repair.perform(yes(repair.plan, stage)))
        if outcome.result is Result.DONE:
            self._proven(stage)
        if repair.lock_is_lost:
            await repair.leave("the lock is lost")
            self.repair = None
        return outcome

    def _run(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Have a process do something; None where it was killed meanwhile."""
        self.asked.clear()
        try:
            return self.loop.run_until_complete(work)
        except Killed:
            self._die()
            return None

    def _die(self) -> None:
        """What the kernel leaves of a process."""
        self.repair = None
        while self.handles:
            os.close(self.handles.pop())
        rest = asyncio.all_tasks(self.loop)
        for task in rest:
            task.cancel()
        if rest:
            self.loop.run_until_complete(asyncio.wait(rest))
        self.is_dead = False

    def _current(self) -> PastRepair:
        """The repair whose record is open."""
        (past,) = [p for p in past_repairs(self.records) if p.state is PastState.RUNNING]
        return past

    def _unfinished(self) -> PastRepair | None:
        found = [p for p in past_repairs(self.records) if p.state is PastState.UNFINISHED]
        assert len(found) <= 1
        return found[0] if found else None

    def _happens(self, name: str) -> None:
        """Count a call, and see what goes wrong with it."""
        if self.is_dead:
            raise Killed
        turn, kind = self.troubles.get(name, (-1, ""))
        self.now = kind if turn == self.asked[name] else ""
        self.asked[name] += 1
        if self.now == "killed before":
            self._kill()

    def _kill(self) -> None:
        self.is_dead = True
        raise Killed

    def _before(self, name: str) -> None:
        self._happens(name)
        if self.now == "lock lost" and name == "keep lock":
            self.world.lock = None
            raise LockLost("somebody removed it")
        if self.now in {"lost before", "refused"} and name in READS:
            raise RegistryUnavailable("no member answers")
        if self.now in {"lost before", "refused"} and name in PROBES:
            raise HostUnreachable("connection lost")
        if self.now == "refused" and name in WRITES:
            raise RegistryUnavailable("nothing was sent")
        if self.now == "lost before" and name in WRITES:
            raise WriteUnknown("no answer")
        if name == "unload":
            self._acted(name)

    def _instead(self, name: str) -> CommandResult | None:
        if self.now == "refused":
            return CommandResult(Ending.NOT_STARTED, reason=Untrusted("connection refused"))
        if self.now == "lost before":
            return CommandResult(Ending.UNKNOWN, reason=Untrusted("connection lost"))
        if name in ACTS:
            self._acted(name)
        if self.now == "lost after":
            self.world.carry_out(name)
            return CommandResult(Ending.UNKNOWN, reason=Untrusted("connection lost"))
        return None

    def _after(self, name: str) -> None:
        if self.now == "killed after":
            self._kill()
        if self.now == "lost after" and name in WRITES:
            raise WriteUnknown("no answer")

    def write(self, file: Record, data: bytes, real: Any) -> None:
        """A line of the record, with what the disk makes of it."""
        self._happens("disk")
        if self.now == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        line = json.loads(data)
        if line["event"] == "before":
            self._noted(read_past(file.path))
        if line["event"] == "outcome" and line["result"] == "done":
            self._read_back(line["action"])
        if self.now == "lost after":
            real(file, data[: len(data) // 2])
            self._kill()
        real(file, data)
        if self.now == "killed after":
            self._kill()


def _holding(handles: list[int], real: Any) -> Any:
    def held(handle: int, path: Path) -> int:
        handles.append(real(handle, path))
        return handle

    return held


def _closing(handles: list[int], real: Any) -> Any:
    def close(file: Record) -> None:
        if file._handle in handles:
            handles.remove(file._handle)
        real(file)

    return close


def _writing(machine: Repairs, real: Any) -> Any:
    def write(file: Record, data: bytes) -> None:
        machine.write(file, data, real)

    return write


@pytest.mark.timeout(240)
class TestRepairs(Repairs.TestCase):  # type: ignore[misc, valid-type]  # made by hypothesis
    """The machine as a test."""

    settings = settings(
        max_examples=40,
        stateful_step_count=14,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
