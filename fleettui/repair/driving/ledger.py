"""Writing down what a repair is about to do and has done, around its acts."""

from collections.abc import Sequence

from fleettui.model.untrusted import Untrusted
from fleettui.repair.planning.action import Action, Stage
from fleettui.repair.planning.plan_json import action_as_json
from fleettui.repair.records.outcome import Outcome, Result
from fleettui.repair.records.past import Kept, PastRepair, read_past
from fleettui.repair.records.record import Record


class Failure(Exception):
    """An act did not come to its end; carries the outcome."""

    def __init__(self, result: Result, said: str) -> None:
        super().__init__(said)
        self.outcome = Outcome(result, Untrusted(said))


class Ledger:
    """The record, with the one rule that matters: no act without its intent on the disk."""

    def __init__(self, record: Record, acts: int = 0) -> None:
        """`acts` is how many the record holds already."""
        self.record = record
        self._acts = acts
        self._unrecorded = ""

    def intend(
        self, stage: Stage, action: Action, commands: Sequence[str], *, undo: bool = False
    ) -> int:
        """What is about to be sent; the number that its outcome bears. Raises Failure."""
        self._acts += 1
        self.note_first(
            "intent",
            n=self._acts,
            stage=stage,
            action=type(action).__name__,
            what=action_as_json(action),
            commands=commands,
            undo=undo,
        )
        return self._acts

    def note_first(self, event: str, **facts: object) -> None:
        """What must be known before the act that follows; without it, that is not sent.

        Raises Failure.
        """
        try:
            self.record.write(event, **facts)
        except OSError as disk:
            raise Failure(Result.NOT_STARTED, f"the record cannot be written: {disk}") from disk

    def note(self, event: str, **facts: object) -> None:
        """What has happened already: a full disk must not change what is true."""
        try:
            self.record.write(event, **facts)
        except OSError as disk:
            self._unrecorded = str(disk)

    def outcome(self, event: str, outcome: Outcome, **facts: object) -> Outcome:
        """An outcome, which stays what it was where it cannot be written down, and says so."""
        self.note(event, result=outcome.result, said=outcome.said, **facts)
        unrecorded, self._unrecorded = self._unrecorded, ""
        if not unrecorded:
            return outcome
        said = f"{outcome.said.raw}; but the record could not be written: {unrecorded}"
        return Outcome(outcome.result, Untrusted(said))

    def keep(self, unit: Untrusted, content: bytes) -> str:
        """Store a file's bytes beside the record; the copy's path. Raises Failure."""
        try:
            return str(self.record.keep(unit.raw, content))
        except OSError as disk:
            raise Failure(Result.NOT_STARTED, f"the copy cannot be kept: {disk}") from disk

    def read(self) -> PastRepair:
        """The record as it stands on the disk."""
        return read_past(self.record.path)

    def kept(self, unit: Untrusted, sha256: str) -> Kept | None:
        """The newest copy of a file, by its hash."""
        copies = [k for k in self.read().kept if k.unit == unit and k.sha256 == sha256]
        return copies[-1] if copies else None
