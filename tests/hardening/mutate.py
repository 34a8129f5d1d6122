"""Inputs made out of good ones: cut, doubled, spliced, flooded and given wrong types."""

import json
import random
import re
from collections.abc import Sequence
from typing import Any

NASTY: tuple[bytes, ...] = (
    *(b'"', b"\\", b"[", b"]", b"{", b"}", b",", b":", b"=", b"\n", b"\r\n", b"\0", b" ", b"\t"),
    *(b"null", b"true", b"-1", b"-0", b"1e999", b"NaN", b"Infinity", b"0x1", b"1e1000000"),
    *(b"9" * 19, b"9" * 40, b"9" * 5000, b"253402300799999999", b"-62135596800000001"),
    *(b"9999-12-31T23:59:59.999999+00:00", b"0001-01-01T00:00:00+23:59", b"2026-01-01T00:00:00"),
    *(b"\\ud800", b"\\u0000", b"\\u202e", b"\\", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\x1b[2J"),
    *(b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\xf3\xa0\x81\x81", b"[" * 3000, b'{"a":' * 3000),
    *(b'"a":1,"a":2', b"\n\n", b"..", b"/", b"%2e%2e", b"?", b"#", b"@", b"@.service", b"*" * 30),
)
"""What trips up readers of text, JSON and names."""
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 256, 2**63, 2**64, -(2**70), 1.5, 1e308, "", "x", "\0", "\x1b[2J"),
    *([], [[]], {}, {"raw": None}, [1, "a", None], {"": {}}, "9" * 30, "\u202e", "\udcff"),
    *("9999-12-31T23:59:59.999999+00:00", "0001-01-01T00:00:00+14:00", "2026-01-01T00:00:00"),
)
"""What stands where something else belongs."""
LARGEST = 1 << 18
"""Bytes of an input."""
_WORDS = re.compile(rb"[A-Za-z0-9_.@-]+")


def tokens_of(seeds: Sequence[bytes]) -> tuple[bytes, ...]:
    """The words that good inputs are made of, and what is nasty anywhere."""
    words = {word for seed in seeds for word in _WORDS.findall(seed[:20_000])[:400]}
    return (*NASTY, *sorted(words))


class Mutator:
    """Endless inputs out of some; what is added later is built upon too."""

    def __init__(self, seeds: Sequence[bytes], chance: random.Random) -> None:
        self._bases = list(seeds)
        self._chance = chance
        self._tokens = tokens_of(seeds)

    def add(self, base: bytes) -> None:
        self._bases.append(base)

    def next(self) -> bytes:
        """Another input."""
        chance = self._chance
        data = chance.choice(self._bases)
        if chance.random() < 0.3:
            data = self._with_wrong_types(data)
        for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 5))):
            data = self._changed(data)
        return data[:LARGEST]

    def _changed(self, data: bytes) -> bytes:
        chance = self._chance
        start = chance.randint(0, len(data))
        end = min(len(data), start + chance.choice((0, 1, 1, 2, 4, 16, 64, len(data))))
        match chance.randrange(7):
            case 0:
                new = b""
            case 1:
                new = chance.randbytes(chance.choice((1, 2, 4, 16)))
            case 2 | 3:
                new = chance.choice(self._tokens)
            case 4:
                new = data[start:end] * chance.choice((2, 2, 3, 50))
            case 5:
                other = chance.choice(self._bases)
                at = chance.randint(0, len(other))
                new = other[at : at + chance.choice((8, 64, len(other)))]
            case _:
                new = bytes(byte ^ (1 << chance.randrange(8)) for byte in data[start:end][:8])
        return data[:start] + new + data[end:]

    def _with_wrong_types(self, data: bytes) -> bytes:
        """One line of JSON with a value of it exchanged; other data stays."""
        lines = data.split(b"\n")
        at = self._chance.randrange(len(lines))
        try:
            found = json.loads(lines[at])
        except (ValueError, RecursionError):
            return data
        if not isinstance(found, dict | list) or not found:
            return data
        self._exchange(found)
        lines[at] = json.dumps(found).encode()
        return b"\n".join(lines)

    def _exchange(self, inside: Any) -> None:
        chance = self._chance
        key = chance.choice(list(inside)) if isinstance(inside, dict) else _index(inside, chance)
        value = inside[key]
        if isinstance(value, dict | list) and value and chance.random() < 0.8:
            self._exchange(value)
        elif isinstance(inside, dict) and chance.random() < 0.2:
            del inside[key]
        else:
            inside[key] = chance.choice(VALUES)


def _index(inside: list[Any], chance: random.Random) -> int:
    return chance.randrange(len(inside))
