"""Patterns match as Go's path.Match does, and a hostile one costs little."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.diagnosis.scheduling_glob import LONGEST, matches

NAMES = ("zookeeper@1.service", "a", "]", "-", "ab", "a/b", "", "é")


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("zookeeper@*.service", "zookeeper@1.service"),
        ("zookeeper@*.service", "zookeeper@.service"),
        ("*", ""),
        ("*", "a"),
        ("**a**", "bab"),
        ("a?c", "abc"),
        ("[a-c]", "b"),
        ("[^a-c]", "d"),
        ("[abc]", "c"),
        ("[\\]]", "]"),
        ("[\\-x]", "-"),
        ("\\*", "*"),
        ("\\[a]", "[a]"),
        ("[[]", "["),
        ("]", "]"),
        ("[^z-a]", "q"),
        ("*a*b*c", "xaybzc"),
        ("*ab", "aab"),
        ("", ""),
        ("[^a]b", "/b"),
    ],
)
def test_what_go_matches_is_matched(pattern: str, name: str) -> None:
    assert matches(pattern, name)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("zookeeper@*.service", "zookeeper@1.socket"),
        ("zookeeper", "zookeeper.service"),
        ("*", "a/b"),
        ("a?b", "a/b"),
        ("a*c", "ab"),
        ("[a-c]", "d"),
        ("[^a-c]", "b"),
        ("[z-a]", "q"),
        ("A", "a"),
        ("", "a"),
        ("?", ""),
        ("a.c", "abc"),
        ("a+", "aa"),
        ("(a)", "a"),
    ],
)
def test_what_go_does_not_match_is_not_matched(pattern: str, name: str) -> None:
    assert not matches(pattern, name)


@pytest.mark.parametrize("pattern", ["[", "[a", "[a-", "[]a]", "[-a]", "[a-]", "a\\", "[^]", "*["])
@pytest.mark.parametrize("name", NAMES)
def test_a_malformed_pattern_matches_nothing(pattern: str, name: str) -> None:
    assert not matches(pattern, name)


def test_a_pattern_longer_than_any_name_is_equal_or_matches_nothing() -> None:
    long = "x" * LONGEST + "y"
    assert matches(long, long)
    assert not matches(f"*{long}", long)


@settings(deadline=None)
@given(st.text("ab*?[]^-\\/&|~#x.", max_size=12), st.text("ab/]x.", max_size=8))
def test_no_pattern_is_too_odd(pattern: str, name: str) -> None:
    assert matches(pattern, name) in {True, False}
    assert not matches(pattern + "\\", name)


@settings(deadline=None)
@given(st.text(max_size=20))
def test_a_name_whose_signs_are_escaped_matches_itself_and_nothing_longer(name: str) -> None:
    escaped = "".join(f"\\{char}" for char in name)
    assert matches(escaped, name)
    assert not matches(escaped, name + "x")


@pytest.mark.parametrize(
    "pattern",
    [
        "*a" * 500 + "b",
        "*a" * 30 + "b",
        "*" * 1000 + "b",
        "*a?" * 300,
        "[a]" * 300,
        "[a]" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_a_hostile_pattern_costs_no_more_than_its_length(pattern: str) -> None:
    began = time.process_time()
    assert not matches(pattern, "a" * 255)
    assert time.process_time() - began < 2
