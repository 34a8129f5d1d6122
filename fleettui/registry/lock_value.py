"""The value of the repair lock's key: written by fleettui, and read whatever stands there."""

import json
from datetime import UTC, datetime

import msgspec

from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.registry.answers import Node
from fleettui.registry.errors import quote

_TEXTS = ("token", "who", "machine_id", "subject", "stage")


class Mark(msgspec.Struct, frozen=True):
    """What tells a value of ours from any other."""

    token: str
    process: str
    """Of one writer: two processes may drive one repair, the second after the first died."""


def encode(holder: LockHolder, mark: Mark) -> str:
    """The value that tells every fleettui on the cluster who holds the lock."""
    texts = {name: getattr(holder, name).raw for name in _TEXTS}
    since = holder.since.astimezone(UTC).isoformat()
    return json.dumps({**texts, "since": since, "token": mark.token, "process": mark.process})


def mark_of(node: Node) -> Mark | None:
    """The mark of the value that stands there; None where it bears none."""
    fields = _fields(node)
    if isinstance(fields, str):
        return None
    token, process = fields.get("token"), fields.get("process")
    known = isinstance(token, str) and isinstance(process, str)
    return Mark(str(token), str(process)) if known else None


def holder_of(node: Node) -> LockHolder:
    """Who holds the lock, as far as the value tells it; never raises."""
    fields = _fields(node)
    if isinstance(fields, str):
        return _holder({}, datetime.now(UTC), fields)
    wrong = [name for name in _TEXTS if not isinstance(fields.get(name), str)]
    since = _time(fields.get("since"))
    wrong += ["since"] if since is None else []
    problem = f"its value lacks {', '.join(wrong)}" if wrong else None
    return _holder(fields, since or datetime.now(UTC), problem)


def _fields(node: Node) -> dict[str, object] | str:
    """The value's fields, or why there are none."""
    if node.dir:
        return "a folder stands in its place"
    try:
        found = json.loads(node.value)
    except (ValueError, RecursionError):
        return f"its value is {quote(node.value) or 'empty'}"
    return found if isinstance(found, dict) else f"its value is {quote(node.value)}"


def _holder(fields: dict[str, object], since: datetime, problem: str | None) -> LockHolder:
    def text(name: str) -> Untrusted:
        found = fields.get(name)
        return Untrusted(found if isinstance(found, str) else "")

    return LockHolder(
        token=text("token"),
        who=text("who"),
        machine_id=text("machine_id"),
        subject=text("subject"),
        since=since,
        stage=text("stage"),
        problem=problem,
    )


def _time(found: object) -> datetime | None:
    """A time that says its zone, in UTC."""
    if not isinstance(found, str):
        return None
    try:
        time = datetime.fromisoformat(found)
        return time.astimezone(UTC) if time.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
