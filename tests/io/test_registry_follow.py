"""The registry followed on real etcd: changes, gaps, losses and returns."""

import asyncio
import subprocess
import sys
import threading
import time
import weakref
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import pytest
from conftest import Follow
from faults.etcd_servers import Member, RealEtcd
from faults.fake_etcd import FakeEtcd, Reply, forward
from views import Views

from fleettui.access import RegistryUnavailable
from fleettui.model.cluster import Link, RegistryView, Snapshot
from fleettui.model.untrusted import Untrusted
from fleettui.registry.follow import RegistryFollower
from fleettui.registry.keys import DEFAULT_PREFIX, keys_under
from fleettui.registry.pace import Pace
from fleettui.registry.source import Reading

U = Untrusted
A = U("a.service")
MACHINE = '{"ID":"m1","PublicIP":"10.0.0.1","Metadata":null,"Version":"0.11.8"}'
STATE = '{"loadState":"loaded","activeState":"active","subState":"running","unitHash":"ab"}'


def test_what_is_set_expires_or_is_deleted_is_seen(etcd: RealEtcd, follow: Follow) -> None:
    etcd.put("job/a.service/target-state", "launched")
    _, views = follow(etcd.endpoint)
    first = views.live().snapshot
    assert first is not None
    assert str(first.units[A].target_state) == "launched"

    etcd.put("job/a.service/target-state", "loaded")
    views.showing(lambda s: str(s.units[A].target_state) == "loaded")
    etcd.put("machines/m1/object", MACHINE, ttl="1")
    views.showing(lambda s: U("m1") in s.machines)
    views.showing(lambda s: not s.machines)
    etcd.put("states/b@1.service/m1", STATE)
    views.showing(lambda s: U("b@1.service") in s.units)
    etcd.delete("states", recursive="true")
    views.showing(lambda s: U("b@1.service") not in s.units)
    etcd.delete("", recursive="true")
    views.showing(lambda s: not s.units)
    etcd.put("lease/engine-leader", '{"MachineID":"m1","Version":1}')
    views.showing(lambda s: s.leader is not None)


def test_following_begins_before_there_is_anything_to_connect_to(
    etcd: RealEtcd, follow: Follow
) -> None:
    etcd.kill()
    _, views = follow(etcd.endpoint)
    lost = views.lost()
    assert views.all[0].link is Link.CONNECTING
    assert lost.snapshot is None
    assert "cannot be reached" in str(lost.reason)
    assert lost.next_try is not None
    etcd.start()
    assert views.live(10).snapshot is not None


def test_a_burst_makes_few_views_and_the_last_one_shows_it_all(
    etcd: RealEtcd, follow: Follow
) -> None:
    _, views = follow(etcd.endpoint)
    views.live()
    before = len(views.all)
    began = time.monotonic()
    for number in range(300):
        etcd.put(f"job/u{number:03}.service/target-state", "launched")
    views.showing(lambda s: len(s.units) == 300)
    spent = time.monotonic() - began
    assert len(views.all) - before <= spent / Pace().view_every + 2


def test_a_storm_that_goes_on_is_shown_ever_less_often(etcd: RealEtcd, follow: Follow) -> None:
    _, views = follow(etcd.endpoint, pace=Pace(view_every=0.02, storm_view_every=0.6))
    views.live()
    shown_at, wanted = deque([time.monotonic()], maxlen=3), cycle(("loaded", "launched"))
    until = time.monotonic() + 60
    while shown_at[-1] - shown_at[0] < 0.6:  # two pauses, each far over what one is in peace
        assert time.monotonic() < until, "views go on to come as often as in peace"
        seen = len(views.all)
        while len(views.all) == seen:
            etcd.put("job/u.service/target-state", next(wanted))
        shown_at.append(time.monotonic())


def test_the_pause_of_views_grows_to_its_bound_and_ends_with_the_storm() -> None:
    pace = Pace(view_every=0.1, storm_view_every=0.3)
    pauses = [pace.view_every]
    for _ in range(8):
        pauses.append(pace.next_pause(pauses[-1], pauses[-1]))
    assert pauses == sorted(pauses)
    assert pauses[1] > pace.view_every
    assert pauses[-1] == pace.storm_view_every
    assert pace.next_pause(pauses[-1], pauses[-1] + 2 * pace.view_every) == pace.view_every


def test_states_written_anew_move_their_index_without_a_view_each(
    etcd: RealEtcd, follow: Follow
) -> None:
    etcd.put("states/a.service/m1", STATE)
    _, views = follow(etcd.endpoint)
    views.live()
    last = 0
    for _ in range(50):
        last = etcd.put("states/a.service/m1", STATE)
    seen = len(views.all)
    views.showing(lambda s: s.units[A].states[0].index == last)
    assert len(views.all) - seen <= 3


async def test_after_more_writes_than_etcd_remembers_the_view_equals_a_fresh_read(
    etcd: RealEtcd, follow: Follow
) -> None:
    paused = threading.Event()
    resumed = threading.Event()
    passing = forward(etcd.endpoint)
    fresh, _ = follow(etcd.endpoint)

    def answering(method: str, path: str) -> Reply:
        if "wait=true" in path and paused.is_set():
            resumed.wait(60)
        return passing(method, path)

    with FakeEtcd(answering) as proxy:
        _, views = follow(proxy.url, pace=Pace(watch_for=60))
        views.live()
        etcd.put("job/seen.service/target-state", "launched")
        views.showing(lambda s: U("seen.service") in s.units)
        paused.set()
        with ThreadPoolExecutor(4) as pool:
            list(
                pool.map(lambda n: etcd.put(f"job/u{n % 500}.service/target", f"m{n}"), range(1500))
            )
        resumed.set()
        views.showing(lambda s: len(s.units) == 501, seconds=2)
        wanted = await fresh.read()
        views.showing(lambda s: s.units == wanted.units, seconds=2)
        assert not any(view.link is Link.LOST for view in views.all)


def test_a_watch_that_falls_behind_the_engine_s_lease_is_not_taken_for_current(
    etcd: RealEtcd, follow: Follow
) -> None:
    passing = forward(etcd.endpoint)
    etcd.put("lease/engine-leader", "m1")
    with FakeEtcd(passing) as proxy:
        proxy.answering = lambda m, p: proxy.hang() if "wait=true" in p else passing(m, p)
        _, views = follow(proxy.url, pace=Pace(liveness_every=0.3, reread_every=600, watch_for=60))
        views.live()
        etcd.put("job/a.service/target-state", "launched")
        etcd.put("lease/engine-leader", "m1")
        views.showing(lambda s: A in s.units)


def test_the_age_of_the_picture_stays_small_while_nothing_changes(
    etcd: RealEtcd, follow: Follow
) -> None:
    _, views = follow(etcd.endpoint)
    first = views.live().snapshot
    assert first is not None
    later = views.showing(lambda s: (s.read_at - first.read_at).total_seconds() > 1)
    assert later.units is not None
    assert len(views.all) <= 4


def test_etcd_killed_and_started_again_is_lost_at_once_and_back_with_its_data(
    etcd: RealEtcd, follow: Follow
) -> None:
    etcd.put("job/a.service/target-state", "launched")
    _, views = follow(etcd.endpoint)
    kept = views.live().snapshot
    for _ in range(2):
        etcd.kill()
        lost = views.lost(5)
        assert etcd.endpoint in str(lost.reason)
        assert "quorum" not in str(lost.reason), "a broken connection says nothing of it"
        assert lost.snapshot is not None
        assert kept is not None
        assert lost.snapshot.units == kept.units
        # A dying etcd may reset the first attempts; once it is gone they are refused.
        views.wait(lambda view: view.attempt > 1 and "connection refused" in str(view.reason))
        etcd.start()
        views.live(10)
    etcd.put("job/a.service/target-state", "loaded")
    views.showing(lambda s: str(s.units[A].target_state) == "loaded")


def test_a_frozen_etcd_is_lost_within_twelve_seconds_and_back_within_ten(
    etcd: RealEtcd, follow: Follow
) -> None:
    etcd.put("job/a.service/target-state", "launched")
    _, views = follow(etcd.endpoint)
    views.live()
    etcd.freeze()
    lost = views.lost(12)
    assert lost.snapshot is not None
    assert "does not answer" in str(lost.reason)
    etcd.thaw()
    views.live(10)


def test_a_lost_quorum_is_said_in_words_although_plain_reads_succeed(
    members: tuple[Member, ...], follow: Follow
) -> None:
    members[0].put("job/a.service/target-state", "launched")
    _, views = follow(members[0].endpoint)
    views.live()
    members[1].kill()
    members[2].kill()
    _, latecomer = follow(members[0].endpoint)
    assert "no quorum" in str(views.lost(12).reason)
    without = latecomer.lost(12)
    assert "no quorum" in str(without.reason)
    assert without.snapshot is not None, "what one member holds is shown, as lost"
    assert A in without.snapshot.units
    members[1].begin()
    members[1].wait()
    views.live(10)


def test_with_several_endpoints_the_next_one_takes_over(
    members: tuple[Member, ...], follow: Follow
) -> None:
    _, views = follow(*(member.endpoint for member in members))
    assert views.live().endpoint == members[0].endpoint
    members[0].kill()
    back = views.wait(
        lambda v: v.link is Link.LIVE and v.endpoint != members[0].endpoint, seconds=15
    )
    assert back.snapshot is not None
    members[1].put("job/a.service/target-state", "launched")
    views.showing(lambda s: A in s.units)


def test_refresh_reads_at_once(etcd: RealEtcd, follow: Follow) -> None:
    passing = forward(etcd.endpoint)
    with FakeEtcd(passing) as proxy:
        proxy.answering = lambda m, p: proxy.hang() if "wait=true" in p else passing(m, p)
        follower, views = follow(proxy.url, pace=Pace(reread_every=600))
        views.live()
        etcd.put("job/a.service/target-state", "launched")
        follower.refresh()
        views.showing(lambda s: A in s.units, seconds=5)


def test_what_was_read_last_is_let_go_when_the_picture_is_shown(
    etcd: RealEtcd, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[weakref.ref[Reading]] = []

    class Seen(Reading, frozen=True, weakref=True):
        def __post_init__(self) -> None:
            read.append(weakref.ref(self))

    class Counting(Views):
        def __call__(self, view: RegistryView) -> None:
            held = sum(seen() is not None for seen in read)
            counts.append((len(view.snapshot.units) if view.snapshot else None, held))
            super().__call__(view)

    monkeypatch.setattr("fleettui.registry.source.Reading", Seen)
    counts: list[tuple[int | None, int]] = []
    views, follower = Counting(), RegistryFollower((etcd.endpoint,), keys_under(DEFAULT_PREFIX))
    follower.follow(views)
    try:
        views.live()
        etcd.put("job/a.service/target-state", "launched")
        views.showing(lambda s: A in s.units)
        assert (counts[0], counts[1], counts[-1]) == ((None, 0), (0, 1), (1, 0))
        began = len(views.all)
        follower.refresh()
        views.wait(lambda _: (1, 1) in counts[began:])
    finally:
        asyncio.run(follower.close())


def test_refresh_while_lost_tries_again_at_once(etcd: RealEtcd, follow: Follow) -> None:
    follower, views = follow(etcd.endpoint, pace=Pace(first_retry=600, last_retry=600))
    views.live()
    etcd.kill()
    views.lost()
    etcd.start()
    follower.refresh()
    views.live(10)


async def test_a_read_is_fresh_and_through_the_quorum(etcd: RealEtcd, follow: Follow) -> None:
    with FakeEtcd(forward(etcd.endpoint)) as proxy:
        follower, _ = follow(proxy.url)
        etcd.put("job/a.service/target-state", "launched")
        proxy.asked.clear()
        snapshot = await follower.read()
        assert isinstance(snapshot, Snapshot)
        assert A in snapshot.units
        reads = [path for _, path in proxy.asked if "recursive=true" in path]
        assert any("quorum=true" in path for path in reads)


async def test_a_read_that_fails_says_why(etcd: RealEtcd, follow: Follow) -> None:
    follower, _ = follow(etcd.endpoint)
    etcd.kill()
    with pytest.raises(RegistryUnavailable, match="cannot be reached"):
        await follower.read()


async def test_no_view_comes_after_close(etcd: RealEtcd, follow: Follow) -> None:
    follower, views = follow(etcd.endpoint)
    views.live()
    await follower.close()
    before = len(views.all)
    threads = [t for t in threading.enumerate() if t.name == "etcd"]
    for thread in threads:
        thread.join(5)
    etcd.put("job/a.service/target-state", "launched")
    assert len(views.all) == before
    assert not any(thread.is_alive() for thread in threads)


def test_requests_that_hang_do_not_hold_up_the_end_of_the_program() -> None:
    program = """
import asyncio, sys, threading
from fleettui.model.cluster import TargetState
from fleettui.model.untrusted import Untrusted
from fleettui.registry.connect import connect_reader, connect_writer

async def session(url):
    reader = connect_reader([url], "/f")
    reader.follow(lambda view: None)
    set_state = connect_writer([url], "/f").set_target_state
    unload = set_state(Untrusted("a.service"), "loaded", TargetState.INACTIVE)
    work = [asyncio.create_task(reader.read()), asyncio.create_task(unload)]
    await asyncio.to_thread(sys.stdin.readline)
    assert not any(task.done() for task in work)
    await reader.close()

asyncio.run(session(sys.argv[1]))
print(sum(t.name.startswith("etcd") for t in threading.enumerate()), "left behind")
"""
    with FakeEtcd(lambda method, path: server.hang()) as server:
        argv = (sys.executable, "-c", program, server.url)
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            server.wait_for(3)
            said, _ = child.communicate(b"end\n", timeout=3)
    number, words = said.split(maxsplit=1)
    assert (child.returncode, words) == (0, b"left behind\n")
    assert int(number) >= 3  # more where a request that hesitates has others asked as well


def test_hostile_names_are_shown_as_they_are(etcd: RealEtcd, follow: Follow) -> None:
    names = ["a b.service", "$(reboot).service", "\x1b[2J.service", "a?recursive=true", "%2e%2e"]
    names += ["[@click=app.quit]x.service", "\u202egpj.service", "ünit.service", "-rf.service"]
    for name in names:
        etcd.put(f"job/{name}/target-state", "launched")
    _, views = follow(etcd.endpoint)
    snapshot = views.live().snapshot
    assert snapshot is not None
    assert {unit.raw for unit in snapshot.units} == set(names)
    etcd.put("states/late\x07.service/m1", STATE)
    views.showing(lambda s: U("late\x07.service") in s.units)
