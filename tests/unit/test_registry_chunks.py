"""HTTP's chunks parted from what they hold, however they are cut on the way."""

from http.client import IncompleteRead

import pytest

from fleettui.registry.chunks import MAX_CHUNK, Chunks

EVENTS = [b'{"action":"set"}\n', b"x" * 5000 + b"\r\n", b"{}\n"]
BODY = b"".join(b"%x;name=value\r\n%b\r\n" % (len(event), event) for event in EVENTS)


@pytest.mark.parametrize("size", [1, 2, 7, 1000, len(BODY) + 9])
def test_whatever_the_pieces_are_the_events_come_once_and_in_order(size: int) -> None:
    chunks, body = Chunks(), BODY + b"0\r\n\r\n"
    came = [chunks.feed(body[at : at + size]) for at in range(0, len(body), size)]
    assert b"".join(came) == b"".join(EVENTS)
    assert chunks.has_ended


def test_all_chunks_that_have_come_are_given_together() -> None:
    chunks = Chunks()
    assert chunks.feed(BODY + b"3\r\n{") == b"".join(EVENTS)
    assert not chunks.has_ended
    assert chunks.feed(b"}\n\r\n") == b"{}\n"


@pytest.mark.parametrize(
    "body",
    [
        b"no number\r\n",
        b"-5\r\n12345\r\n",
        b"1_0\r\n",
        b"\r\n",
        b"%x\r\n" % (MAX_CHUNK + 1),
        b"2\r\nabcd\r\n",
        b"1" * 2000,
        b"2;name=" + b"x" * 2000 + b"\r\nab\r\n",
    ],
)
def test_what_is_no_chunk_ends_the_answer(body: bytes) -> None:
    with pytest.raises(IncompleteRead):
        Chunks().feed(body)
