"""Keys of the registry: nothing out of data becomes more of a request than one segment."""

from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.registry.keys import DEFAULT_PREFIX, Keys, keys_under

KEYS = keys_under(DEFAULT_PREFIX)


@pytest.mark.parametrize(
    ("given_prefix", "prefix"),
    [
        ("/_coreos.com/fleet/", "/_coreos.com/fleet"),
        ("/_coreos.com/fleet", "/_coreos.com/fleet"),
        ("_coreos.com//fleet//", "/_coreos.com/fleet"),
        ("/test", "/test"),
    ],
)
def test_a_prefix_is_brought_into_one_form(given_prefix: str, prefix: str) -> None:
    assert keys_under(given_prefix).prefix == prefix


@pytest.mark.parametrize(
    "prefix", ["", "/", "//", "/a/../b", "/a/./b", "/a?b", "/a b", "/%2e%2e", "/a#b", "/ä", "/a\n"]
)
def test_a_prefix_that_could_mean_something_else_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="etcd key"):
        keys_under(prefix)


def test_a_path_is_quoted_segment_by_segment() -> None:
    path = KEYS.path("job", "zookeeper@1.service", "target-state")
    assert path == "/v2/keys/_coreos.com/fleet/job/zookeeper%401.service/target-state"
    assert KEYS.path("job", "a\\x2db.mount") == "/v2/keys/_coreos.com/fleet/job/a%5Cx2db.mount"
    assert KEYS.path() == "/v2/keys/_coreos.com/fleet"


@pytest.mark.parametrize(
    "segment",
    [
        *["", ".", "..", "a/b", "a?recursive=true", "a#b", "a&b", "%2e%2e", "a b", "a\n", "\x00"],
        *["a\x1b[2J", "ünit.service", "\u202e.service", "$(reboot)", "a;b", "a" * 257],
    ],
)
def test_a_segment_that_is_no_plain_name_is_refused(segment: str) -> None:
    with pytest.raises(ValueError, match="cannot be part of an etcd key"):
        KEYS.path("job", segment, "target-state")


@settings(deadline=None)
@given(st.text())
def test_whatever_the_name_a_path_keeps_its_shape(name: str) -> None:
    try:
        path = KEYS.path("job", name, "target-state")
    except ValueError:
        return
    assert not set("?#&;= ") & set(path)
    assert path.count("/") == 7
    assert unquote(path) == f"/v2/keys/_coreos.com/fleet/job/{name}/target-state"


@pytest.mark.parametrize(
    ("key", "segments"),
    [
        ("/_coreos.com/fleet/job/a.service/target", ("job", "a.service", "target")),
        ("/_coreos.com/fleet/job", ("job",)),
        ("/_coreos.com/fleet", ()),
        ("/_coreos.com", ()),
        ("/", ()),
        ("", ()),
        ("/_coreos.com/fleet2/job", None),
        ("/_coreos.com/fle", None),
        ("/other", None),
    ],
)
def test_a_key_is_taken_apart_below_the_prefix(key: str, segments: tuple[str, ...] | None) -> None:
    assert Keys("/_coreos.com/fleet").below(key) == segments
