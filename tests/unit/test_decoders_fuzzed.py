"""Every decoder there is, on inputs that nobody would send: it tells what is wrong, or decodes.

The long run over the same decoders is `python -m tests.hardening fuzz`; what it found worth keeping
lies in `tests/data/fuzz` and is tried here each time. Its last result, of 27 minutes on a machine
that was busy otherwise: 3,385,736 inputs in 288 s of a core, 0 exceptions, 281,241 blocks of
Python's memory after the first tenth and 281,857 at the end, while the process's resident memory
went from 53.6 to 63.1 MB. A run of 30 minutes before it, of 6,416,698 inputs, found one exception:
a path in the config file that was too long for the system. The first run of all hung: a search
pattern backtracked without end; what a pattern matches is among the inputs again since RE2 matches.

Of the journal alone (figure 5, `fuzz --minutes 1 --inputs 1000000 --seed 8 journal`): 1,000,500
inputs in 267 s of a core, 0 exceptions, the slowest 45 ms, 289,659 blocks of Python's memory after
the first tenth and 289,777 at the end; resident memory went from 47.1 to 64.1 MB, with what the
allocator had free. What malloc says is in use stood still at 10.6 MB over 100,000 inputs. With
what is free given back first, a run of 168,014 inputs went from 44.3 to 45.5 MB.
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
