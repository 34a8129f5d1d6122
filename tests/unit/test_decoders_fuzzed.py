"""Every decoder there is, on inputs that nobody would send: it tells what is wrong, or decodes.

The long run over the same decoders is `python -m tests.hardening fuzz`; what it found worth keeping
lies in `tests/data/fuzz` and is tried here each time. Its last result, of 30 minutes on a
machine that was busy otherwise: 10,254,583 inputs in 791 s of a core, 0 exceptions, the slowest
125 ms, 290,521 blocks of Python's memory after the first tenth and 311,481 at the end, with what
the corpus keeps; resident memory went from 51.8 to 55.5 MB. A run of 6,416,698 inputs before it
found an exception: a path in the config file that was too long for the system. The first run of all
hung: a search pattern backtracked without end; what a pattern matches is among the inputs again
since RE2 matches.

Of the journal alone (figure 5, `fuzz --minutes 1 --inputs 1000000 journal`), ended by hand after
1,522,973 inputs in 451 s: 0 exceptions; resident memory went from 51.9 to 56.3 MB.
"""

import ast
import re
from pathlib import Path

import pytest
from hardening.decoders import DECODERS, Decoder
from hardening.mutate import tokens_of
from hypothesis import given, settings
from hypothesis import strategies as st

PACKAGE = Path(__file__).parents[2] / "fleettui"
LAYERS = ("cli", "hosts", "registry", "repair", "model", "journal")
"""Where bytes of somebody else are decoded."""
DECODES = re.compile(r"(decode|parse|read)_\w+|decode|(\w+_)?from_json|events?_of|fields_of")
IDS = list(DECODERS)


def changed_inputs(decoder: Decoder) -> st.SearchStrategy[bytes]:
    """A good input with some places of it exchanged for what is nasty."""
    seeds = [seed[:4000] for seed in decoder.seeds]
    nasty = st.sampled_from(tokens_of(seeds)) | st.binary(max_size=16)
    change = st.tuples(st.integers(0, 4000), st.sampled_from((0, 1, 4, 64)), nasty)

    def exchanged(seed: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
        for at, size, new in changes:
            start = at % (len(seed) + 1)
            seed = seed[:start] + new + seed[start + size :]
        return seed

    return st.builds(exchanged, st.sampled_from(seeds), st.lists(change, max_size=4))


@pytest.mark.parametrize("name", IDS)
def test_a_decoder_takes_what_is_good_and_what_was_kept(name: str) -> None:
    decoder = DECODERS[name]
    for data in decoder.good:
        assert not isinstance(decoder.try_out(data), Exception), data[:200]
    for data in decoder.seeds:
        decoder.try_out(data)


@pytest.mark.parametrize("name", IDS)
def test_a_decoder_raises_nothing_but_its_own_words(name: str) -> None:
    decoder = DECODERS[name]

    @settings(max_examples=60, deadline=None, database=None, derandomize=True)
    @given(changed_inputs(decoder))
    def tried(data: bytes) -> None:
        decoder.try_out(data)

    tried()


def decoding_functions() -> set[str]:
    """The public functions of the product whose names say that they decode."""
    modules = (path for layer in LAYERS for path in (PACKAGE / layer).rglob("*.py"))
    bodies = (node for path in modules for node in ast.parse(path.read_text()).body)
    names = (node.name for node in bodies if isinstance(node, ast.FunctionDef))
    return {name for name in names if DECODES.fullmatch(name)}


def test_every_decoder_of_the_product_is_among_them() -> None:
    covered = {name for decoder in DECODERS.values() for name in decoder.covers}
    assert decoding_functions() - covered == set()
    assert covered >= {"decode_entry", "read_probe", "event_of", "read_past"}
