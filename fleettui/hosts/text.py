"""Bytes of a machine as text: nothing is lost, nothing raises."""

from fleettui.model.untrusted import Untrusted


def as_name(raw: bytes) -> Untrusted:
    """A file name, byte for byte: `os.fsencode` gives the bytes back."""
    return Untrusted(raw.decode("utf-8", "surrogateescape"))


def as_text(raw: bytes) -> Untrusted:
    """What somebody said: bytes that are no UTF-8 stay visible as `\\xNN`."""
    return Untrusted(raw.decode("utf-8", "backslashreplace"))


def last_words(raw: bytes, limit: int = 300) -> str:
    """The end of what a machine said, on one line, fit to stand in a sentence."""
    words = " ".join(as_text(raw[-4 * limit :]).raw.split())
    return str(Untrusted(words[-limit:]))
