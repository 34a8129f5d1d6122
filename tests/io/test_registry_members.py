"""Three members of etcd, and what befalls them: the picture stays, and comes back by itself."""

import asyncio
import http.client
import json
from contextlib import suppress
from urllib.parse import urlsplit

from conftest import Follow
from faults.etcd_servers import PREFIX, Member

from fleettui.access import RegistryUnavailable, WriteRefused, WriteUnknown
from fleettui.model.cluster import Link, TargetState
from fleettui.model.untrusted import Untrusted
from fleettui.registry.keys import DEFAULT_PREFIX, keys_under
from fleettui.registry.write import EtcdWriter

A = Untrusted("a.service")
KEY = f"job/{A.raw}/target-state"


def ask(member: Member, method: str, path: str, body: object = None) -> object:
    connection = http.client.HTTPConnection(urlsplit(member.endpoint).netloc, timeout=10)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"})
        said = connection.getresponse().read()
        return json.loads(said) if said else None
    finally:
        connection.close()


def leader_of(members: tuple[Member, ...]) -> Member:
    known = ask(members[0], "GET", "/v2/members/leader")
    assert isinstance(known, dict)
    return next(m for m in members if m.endpoint in known["clientURLs"])


def writes_since(member: Member, index: int) -> int:
    """How often the key was written, as etcd's own history has it."""
    count = 0
    while True:
        now = ask(member, "GET", f"/v2/keys{PREFIX}/{KEY}?quorum=true")
        assert isinstance(now, dict)
        if now["node"]["modifiedIndex"] < index:
            return count
        event = ask(member, "GET", f"/v2/keys{PREFIX}/{KEY}?wait=true&waitIndex={index}")
        assert isinstance(event, dict)
        count, index = count + 1, event["node"]["modifiedIndex"] + 1


async def write_until(stop: asyncio.Event, writer: EtcdWriter) -> tuple[int, int]:
    """Change the state to and fro; how many writes were confirmed, and how many may have been."""
    done, unknown = 0, 0
    at, to = TargetState.LAUNCHED, TargetState.LOADED
    while not stop.is_set():
        with suppress(WriteRefused, RegistryUnavailable):
            try:
                await writer.set_target_state(A, at.value, to)
                done += 1
            except WriteUnknown:
                unknown += 1
        at, to = to, at  # a refusal tells that it stands the other way round
        await asyncio.sleep(0.05)
    return done, unknown


async def test_a_leader_that_is_killed_costs_neither_the_picture_nor_a_doubled_write(
    members: tuple[Member, ...], follow: Follow
) -> None:
    endpoints = tuple(member.endpoint for member in members)
    begun = members[0].put(KEY, "launched")
    _, views = follow(*endpoints)
    await asyncio.to_thread(views.live)
    stop = asyncio.Event()
    writer = EtcdWriter(endpoints, keys_under(DEFAULT_PREFIX))
    writing = asyncio.create_task(write_until(stop, writer))
    leader = leader_of(members)
    left = next(member for member in members if member is not leader)
    leader.kill()
    seen, at = len(views.all), index_of(left)
    await asyncio.to_thread(views.showing, lambda s: s.index > at + 10, 12 + 10)
    stop.set()
    done, unknown = await writing
    assert all(view.snapshot is not None for view in views.all[seen:]), "the last state is kept"
    written = await asyncio.to_thread(writes_since, left, begun + 1)
    assert done <= written <= done + unknown


def test_a_member_that_hangs_is_left_and_one_that_is_replaced_is_taken_back(
    members: tuple[Member, ...], follow: Follow
) -> None:
    first, second, third = members
    _, all_three = follow(*(member.endpoint for member in members))
    _, only_third = follow(third.endpoint)
    assert all_three.live().endpoint == first.endpoint
    first.freeze()
    all_three.wait(lambda v: v.link is Link.LIVE and v.endpoint != first.endpoint, 12 + 10)
    first.thaw()
    only_third.live()
    replacement = replace(third, second)
    try:
        assert only_third.lost(12).snapshot is not None
        replacement.begin()
        replacement.wait()
        second.put(KEY, "launched")
        only_third.showing(lambda snapshot: A in snapshot.units, 10)
    finally:
        replacement.close()


def replace(old: Member, other: Member) -> Member:
    """Take a member out of its cluster, with all it had, and a new one in at its address."""
    known = ask(other, "GET", "/v2/members")
    assert isinstance(known, dict)
    member_id = next(m["id"] for m in known["members"] if old.endpoint in m["clientURLs"])
    old.kill()
    ask(other, "DELETE", f"/v2/members/{member_id}")
    replacement = old.successor()
    added = ask(other, "POST", "/v2/members", {"peerURLs": [replacement.peer_url]})
    assert isinstance(added, dict)
    return replacement


def index_of(member: Member) -> int:
    found = ask(member, "GET", f"/v2/keys{PREFIX}/{KEY}")
    assert isinstance(found, dict)
    return int(found["node"]["modifiedIndex"])
