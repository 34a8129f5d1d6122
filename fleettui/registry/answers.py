"""What etcd v2 answers, judged: a body in typed structs, or an error in words."""

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from fleettui.model.unavailable import RegistryUnavailable
from fleettui.registry.errors import (
    ComparisonFailed,
    Denied,
    FolderNotEmpty,
    HistoryCleared,
    KeyMissing,
    NoQuorum,
    NotEtcd,
    OtherKind,
    quote,
)

CLUSTER_HEADER = "x-etcd-cluster-id"
INDEX_HEADER = "x-etcd-index"

_NO_V2 = "Is this etcd 2.x to 3.5, started with --enable-v2, and not fleet's own API?"


class Node(msgspec.Struct, rename="camel", gc=False, frozen=True):
    """A key or a folder of etcd."""

    key: str = ""
    value: str = ""
    dir: bool = False
    nodes: tuple["Node", ...] = ()
    modified_index: int = 0


class Event(msgspec.Struct, gc=False, frozen=True):
    """The body of a read, a write or a watch."""

    action: str
    node: Node


class Complaint(msgspec.Struct, rename="camel"):
    """The body of an error; etcd's security errors carry a message alone."""

    error_code: int = 0
    message: str = ""
    cause: str = ""
    index: int = 0


class Answer(msgspec.Struct, frozen=True):
    """One HTTP answer of one endpoint, unjudged."""

    endpoint: str
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    user: str | None = None
    """As whom it was asked; None: as nobody."""

    @property
    def cluster(self) -> str | None:
        """etcd's cluster ID in hex; None where the server names none."""
        return self.headers.get(CLUSTER_HEADER)


_event = msgspec.json.Decoder(Event)
_complaint = msgspec.json.Decoder(Complaint)
_T = TypeVar("_T")

UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises: bytes that are no UTF-8 within a string are an error of their own."""


def event_of(answer: Answer) -> Event:
    """The body of an answer to a request that went well.

    Raises one of fleettui.registry.errors for everything else, whatever the server sent.
    """
    if answer.status not in {200, 201}:
        raise problem_of(answer)
    try:
        return _event.decode(answer.body)
    except UNDECODABLE as error:
        raise NotEtcd(
            f"{answer.endpoint} answered with what is no etcd v2 answer ({quote(str(error))}): "
            f"{quote(_text(answer)) or 'nothing'}. {_NO_V2}"
        ) from error


def events_of(lines: bytes) -> list[Event]:
    """The events of a stream, one a line. Raises one of UNDECODABLE."""
    return _event.decode_lines(lines)


def index_of(answer: Answer) -> int:
    """X-Etcd-Index: the index of the store when it answered. Raises NotEtcd."""
    words = answer.headers.get(INDEX_HEADER, "")
    if words.isascii() and words.isdigit() and len(words) < 20:
        return int(words)
    raise NotEtcd(f"{answer.endpoint} answered without an X-Etcd-Index. {_NO_V2}")


def problem_of(answer: Answer) -> Exception:
    """Why an answer is no good, as an error to raise."""
    complaint = _read_complaint(answer.body)
    if complaint is None:
        return _problem_by_status(answer)
    says = f"{complaint.error_code or answer.status} {quote(complaint.message)}"
    match complaint.error_code:
        case 100:
            return KeyMissing(says)
        case 101 | 105:
            return ComparisonFailed(complaint.cause)
        case 102 | 104:
            return OtherKind(says)
        case 108:
            return FolderNotEmpty(says)
        case 400 | 401:
            return HistoryCleared(says)
        case 300 | 301:
            return NoQuorum(
                f"no quorum: {answer.endpoint} cannot reach a majority of etcd's members ({says}: "
                f"{quote(complaint.cause)}). Start the members that are missing."
            )
    return _problem_by_status(answer, says)


def _problem_by_status(answer: Answer, says: str = "") -> RegistryUnavailable:
    words = says or f"{answer.status} {quote(_text(answer))}".strip()
    if answer.status in {401, 403, 407}:
        return Denied(
            f"{answer.endpoint} denies access{_whom(answer)} ({words}): {_lacking(answer)} "
            "that lacks the right. Reading needs a role with read on /_coreos.com/fleet* and on "
            "/fleettui*, repairing one with write on both."
        )
    if 300 <= answer.status < 400:
        target = quote(answer.headers.get("location", "nowhere"))
        return NotEtcd(
            f"{answer.endpoint} redirects to {target}, and redirects are not followed. "
            "If that is etcd, give its address with --endpoint."
        )
    if answer.status == 400 and b"HTTP request to an HTTPS server" in answer.body:
        return NotEtcd(
            f"{answer.endpoint} speaks TLS. Give it as https://"
            f"{answer.endpoint.partition('://')[2]}."
        )
    if answer.status == 404:
        return NotEtcd(f"{answer.endpoint} has no etcd v2 API ({words}). {_NO_V2}")
    return NotEtcd(
        f"{answer.endpoint} answered {words}. Look at etcd there, or at the proxy before it."
    )


def _whom(answer: Answer) -> str:
    return "" if answer.user is None else f" to user {quote(answer.user)}"


def _lacking(answer: Answer) -> str:
    if answer.user is None:
        return "it wants a user and a password, or the guest has a role"
    return "a wrong password, or a role"


def _read_complaint(body: bytes) -> Complaint | None:
    try:
        complaint = _complaint.decode(body)
    except UNDECODABLE:
        return None
    return complaint if complaint.error_code or complaint.message else None


def _text(answer: Answer) -> str:
    return answer.body[:1000].decode("utf-8", "replace")
