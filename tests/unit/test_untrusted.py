"""Remote text: byte-exact inside, harmless outside."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.model.untrusted import MAX_SHOWN, Untrusted, visible


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("foo@1.service", "foo@1.service"),
        ("\x1b]0;owned\x07", "␛]0;owned␇"),
        ("a\tb", "a b"),
        ("a\nb\r", "a␊b␍"),
        ("\x7f", "␡"),
        ("\x9b31m", "\\u009b31m"),
        ("\u202ecod.exe", "\\u202ecod.exe"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("line\u2028sep", "line\\u2028sep"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("half\ud800", "half\\ud800"),
        ("vs\ufe0f", "vs\\ufe0f"),
        ("grüße 漢字", "grüße 漢字"),
        ("[@click=app.quit]x[/]", "[@click=app.quit]x[/]"),
    ],
)
def test_each_danger_becomes_a_sign(raw: str, shown: str) -> None:
    assert visible(raw) == shown


@settings(deadline=None)
@given(st.text(alphabet=st.characters(), max_size=200))
def test_nothing_a_terminal_obeys_is_left(raw: str) -> None:
    for char in visible(raw):
        assert unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    shown = visible("x" * (MAX_SHOWN + 7))
    assert shown == "x" * MAX_SHOWN + "... [+7 chars]"


def test_strings_made_from_it_hold_the_visible_form() -> None:
    text = Untrusted("a\x1b[2Jb")
    assert f"{text}|{text:>12}" == "a␛[2Jb|      a␛[2Jb"
    assert text.raw == "a\x1b[2Jb"
    assert not text.is_plain
    assert Untrusted("plain").is_plain
