"""The lock's value: what is written is read, and whatever else stands there still counts."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.access import LockTaken
from fleettui.model.lock import LockHolder
from fleettui.model.untrusted import Untrusted
from fleettui.registry.answers import Node
from fleettui.registry.lock_value import Mark, encode, holder_of, mark_of

U = Untrusted
SINCE = datetime(2026, 11, 22, 23, 59, 1, 123456, UTC)
HOLDER = LockHolder(
    U("20261122T2359Z-ab"), U("ann@desk"), U("ab" * 16), U("zk@.service"), SINCE, U("delete")
)
MARK = Mark(HOLDER.token.raw, "cafe")


def node(value: str) -> Node:
    return Node("/fleettui/_coreos.com/fleet/lock", value)


def test_what_is_written_is_read_again() -> None:
    written = node(encode(HOLDER, MARK))
    assert holder_of(written) == HOLDER
    assert mark_of(written) == MARK


@settings(deadline=None)
@given(*[st.text()] * 5)
def test_any_text_comes_back_as_it_was(
    who: str, machine: str, what: str, stage: str, t: str
) -> None:
    holder = LockHolder(U(t), U(who), U(machine), U(what), SINCE, U(stage))
    assert holder_of(node(encode(holder, Mark(t, "p")))) == holder


def test_a_time_is_told_in_utc_wherever_it_was_written() -> None:
    value = json.loads(encode(HOLDER, MARK))
    value["since"] = SINCE.astimezone(timezone(timedelta(hours=-7))).isoformat()
    assert holder_of(node(json.dumps(value))).since == SINCE


FOREIGN = {
    "nothing": "",
    "a word": "mine",
    "an escape": "\x1b]0;x\x07",
    "null": "null",
    "a list": "[]",
    "a number": "7",
    "an endless nesting": "[" * 100_000,
    "a number without end": '{"who": ' + "9" * 10_000 + "}",
    "an empty object": "{}",
    "wrong types": '{"token": 1, "who": [], "machine_id": {}, "subject": null, "stage": true}',
    "a time without a zone": '{"since": "2026-01-01T00:00:00"}',
    "a time that overflows": '{"since": "0001-01-01T00:00:00+23:00"}',
    "a date that is none": '{"since": "2026-13-99"}',
}


@pytest.mark.parametrize("value", FOREIGN.values(), ids=FOREIGN)
def test_a_lock_that_cannot_be_read_is_a_lock_all_the_same(value: str) -> None:
    holder = holder_of(node(value))
    assert holder.problem is not None
    assert holder.problem.isprintable()
    assert abs(holder.since - datetime.now(UTC)) < timedelta(minutes=1)
    assert mark_of(node(value)) is None
    said = str(LockTaken(holder))
    assert "cannot be read" in said
    assert said.isprintable()


def test_a_folder_in_its_place_is_held_too() -> None:
    folder = Node("/fleettui/_coreos.com/fleet/lock", dir=True)
    assert holder_of(folder).problem == "a folder stands in its place"
    assert mark_of(folder) is None


def test_what_can_be_told_of_a_damaged_lock_is_told() -> None:
    holder = holder_of(node('{"who": "ann@desk", "subject": "zk@.service"}'))
    assert (holder.who, holder.subject) == (U("ann@desk"), U("zk@.service"))
    assert holder.problem == "its value lacks token, machine_id, stage, since"


@settings(deadline=None)
@given(st.text() | st.recursive(st.none() | st.text(), st.lists).map(json.dumps))
def test_no_value_raises(value: str) -> None:
    holder_of(node(value))
    mark_of(node(value))


def test_a_lock_that_is_read_names_its_holder() -> None:
    assert str(LockTaken(HOLDER)) == "ann@desk is repairing zk@.service since 23:59"
