"""HTTP's chunks parted from what they hold: all that have come, where http.client gives one."""

from functools import lru_cache
from http.client import HTTPResponse, IncompleteRead

MAX_CHUNK = 16 << 20
"""Bytes of one; etcd sends an event in each, which is half as long at most."""
_MAX_HEAD = 1024


class Chunks:
    """Takes a body apart as it comes."""

    def __init__(self) -> None:
        self.has_ended = False
        """Whether the chunk came that says that there are no more."""
        self._rest = b""

    def feed(self, piece: bytes) -> bytes:
        """What is in the chunks that are whole now. Raises IncompleteRead for what is no chunk."""
        came = self._rest + piece
        held, at = [], 0
        while (head := came.find(b"\r\n", at)) >= 0:
            if head - at > _MAX_HEAD:
                raise IncompleteRead(came[at : at + _MAX_HEAD])
            size = _size(came[at:head])
            if size == 0:
                self.has_ended = True
                break
            begin, end = head + 2, head + 2 + size
            if len(came) < end + 2:
                break
            if came[end : end + 2] != b"\r\n":
                raise IncompleteRead(came[end : end + _MAX_HEAD])
            held.append(came[begin:end])
            at = end + 2
        self._rest = came[at:]
        if head < 0 and len(self._rest) > _MAX_HEAD:
            raise IncompleteRead(self._rest[:_MAX_HEAD])
        return b"".join(held)


@lru_cache(maxsize=4096)  # events of a kind are of few lengths
def _size(head: bytes) -> int:
    digits = head.partition(b";")[0].strip()
    if not digits.isalnum():
        raise IncompleteRead(head)
    try:
        size = int(digits, 16)
    except ValueError as wrong:
        raise IncompleteRead(head) from wrong
    if size > MAX_CHUNK:
        raise IncompleteRead(head)
    return size


class InPieces(HTTPResponse):
    """An answer of which one read brings every chunk that has come.

    etcd sends each event of a stream as a chunk: one by one they cost more than all else that is
    done with them.
    """

    _chunks: Chunks | None = None

    def read1(self, n: int = -1) -> bytes:
        """What has come, waiting for something if there is nothing; b"" at the end."""
        if not self.chunked or self.fp is None:
            return super().read1(n)
        self._chunks = self._chunks or Chunks()
        while not self._chunks.has_ended:
            piece = self.fp.read1(n)
            if not piece:
                raise IncompleteRead(b"")
            if held := self._chunks.feed(piece):
                return held
        self.close()
        return b""
