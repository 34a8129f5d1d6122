"""Whatever happens to the registry and to the way there: what is said to be current is true."""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
from conftest import Follow
from faults.etcd_servers import RealEtcd
from faults.wire import Streams, Wire
from views import Views
from writers import Pipeline

from fleettui.model.cluster import Snapshot
from fleettui.model.untrusted import Untrusted
from fleettui.registry.follow import RegistryFollower
from fleettui.registry.pace import Pace

ROUNDS = 10
UNITS = [f"u{number:03}.service" for number in range(400)]
MACHINES = [f"m{number}" for number in range(5)]
HASHES = [f"{number:040x}" for number in range(20)]
QUICK = Pace(
    liveness_every=0.3,
    confirm_every=0.2,
    stream_within=0.5,
    prove_every=0.2,
    streams_again=0.5,
    reread_every=5.0,
    first_retry=0.05,
    last_retry=0.2,
)


class Weather:
    """Things that happen, in an order that its seed decides."""

    def __init__(self, seed: int, etcd: RealEtcd, wire: Wire, writer: Pipeline) -> None:
        self._random = random.Random(seed)  # noqa: S311 - to be had again
        self._etcd = etcd
        self._wire = wire
        self._writer = writer
        self._elsewhere = Pipeline(etcd.endpoint, "/elsewhere")
        self._kinds: list[Callable[[], None]] = [
            self.few_changes,
            self.few_changes,
            self.burst,
            self.refreshes,
            self.removals,
            self.folder_gone,
            self.expiry,
            self.gap,
            wire.mute_streams,
            wire.cut_streams,
            self.streams_refused,
            self.etcd_restarts,
        ]

    def close(self) -> None:
        self._elsewhere.close()
        self._writer.close()

    def happen(self) -> str:
        """One to four things at once; their names."""
        done = self._random.choices(self._kinds, k=self._random.randint(1, 4))
        for kind in done:
            kind()
        return ", ".join(kind.__name__ for kind in done)

    def few_changes(self) -> None:
        self._writer.put(dict(self._changed() for _ in range(5)))

    def burst(self) -> None:
        self._writer.put(dict(self._changed() for _ in range(300)))

    def refreshes(self) -> None:
        machine = self._random.choice(MACHINES)
        self._writer.put({f"states/{unit}/{machine}": _state(machine) for unit in UNITS[:150]})

    def removals(self) -> None:
        count = self._random.choice((3, 200))
        self._writer.delete({self._key() for _ in range(count)})

    def folder_gone(self) -> None:
        self._etcd.put("states/last/m1", "{}")  # so that there is one to delete
        self._etcd.delete("states", recursive="true")

    def expiry(self) -> None:
        machine = self._random.choice(MACHINES)
        count = self._random.choice((2, 250))
        values = {f"states/{unit}/{machine}": _state(machine) for unit in UNITS[:count]}
        self._writer.put(values, ttl=1)

    def gap(self) -> None:
        """More writes than etcd remembers, while nothing comes through."""
        self._wire.mute_streams()
        self._writer.put(dict(self._changed() for _ in range(50)))
        self._elsewhere.put({f"key{number}": "value" for number in range(1100)})

    def streams_refused(self) -> None:
        self._wire.streams = self._random.choice(list(Streams))

    def etcd_restarts(self) -> None:
        self._writer.close()
        self._elsewhere.close()
        self._etcd.kill()
        self._etcd.start()
        self._writer = Pipeline(self._etcd.endpoint)
        self._elsewhere = Pipeline(self._etcd.endpoint, "/elsewhere")

    def _key(self) -> str:
        unit, machine = self._random.choice(UNITS), self._random.choice(MACHINES)
        keys = [f"states/{unit}/{machine}", f"machines/{machine}/object", "lease/engine-leader"]
        words = ("object", "target", "target-state", "job-state")
        return self._random.choice([*keys, *(f"job/{unit}/{word}" for word in words)])

    def _changed(self) -> tuple[str, str]:
        key = self._key()
        machine = self._random.choice(MACHINES)
        part, name, *rest = key.split("/")
        if part == "machines":
            return key, f'{{"ID":"{name}","PublicIP":"10.0.0.{self._random.randrange(9)}"}}'
        if part == "states":
            return key, _state(rest[0], self._random.choice(("active", "failed")))
        if key.endswith("/object"):
            unit_hash = self._random.choice(HASHES)
            self._writer.put({f"unit/{unit_hash}": '{"Raw":"[Unit]\\n"}'})
            return key, f'{{"Name":"{name}","UnitHash":{list(bytes.fromhex(unit_hash))}}}'
        if key.endswith("/target-state"):
            return key, self._random.choice(("inactive", "loaded", "launched"))
        return key, machine


def _state(machine: str, active: str = "active") -> str:
    words = f'"loadState":"loaded","activeState":"{active}","subState":"running","unitHash":"ab"'
    return f'{{{words},"machineState":{{"ID":"{machine}"}}}}'


def content(snapshot: Snapshot | None) -> dict[Untrusted, object]:
    """All that a snapshot shows, by name."""
    assert snapshot is not None
    by_key = {bad.key: bad for bad in snapshot.bad}
    leader = {Untrusted("leader"): snapshot.leader}
    return {**snapshot.units, **snapshot.machines, **by_key, **leader}


def _is_newer(then: datetime, snapshot: Snapshot) -> bool:
    return snapshot.read_at > then


def _is_said(unit: Untrusted, active: str, snapshot: Snapshot) -> bool:
    return snapshot.units[unit].states[0].active.raw == active


async def differences(fresh: RegistryFollower, views: Views) -> list[object]:
    """What the follower said to be current when nothing changed, against what was true."""
    while True:
        before = await fresh.read()
        asked_at = datetime.now(UTC)
        claimed = views.showing(partial(_is_newer, asked_at), seconds=30)
        after = await fresh.read()
        true, shown = content(after), content(claimed)
        if content(before) == true:
            names = [n for n in {**true, **shown} if true.get(n) != shown.get(n)]
            return [(name, shown.get(name), true.get(name)) for name in names]


@pytest.fixture
def wire(etcd: RealEtcd) -> Iterator[Wire]:
    with Wire(etcd.endpoint) as between:
        yield between


@pytest.mark.parametrize("seed", range(4))
async def test_whenever_it_claims_to_be_current_the_picture_equals_a_fresh_read(
    etcd: RealEtcd, wire: Wire, follow: Follow, seed: int
) -> None:
    weather = Weather(seed, etcd, wire, Pipeline(etcd.endpoint))
    _, views = follow(wire.url, pace=QUICK)
    fresh, _ = follow(etcd.endpoint, pace=QUICK)
    views.live()
    for number in range(ROUNDS):
        happened = weather.happen()
        wrong = await differences(fresh, views)
        assert not wrong, f"round {number} of seed {seed}: {happened}; {len(wrong)}: {wrong[0]}"
    weather.close()


def test_a_hurried_view_claims_to_be_no_newer_than_the_last_that_left_nothing_out(
    etcd: RealEtcd, follow: Follow
) -> None:
    pace = Pace(liveness_every=0.02, confirm_every=60)
    for unit in UNITS[:2]:
        etcd.put(f"states/{unit}/m0", _state("m0"))
    _, views = follow(etcd.endpoint, pace=pace)
    whole = views.showing(lambda shown: len(shown.units) == 2)
    renewed, changed = (Untrusted(name) for name in UNITS[:2])
    etcd.put(f"states/{UNITS[0]}/m0", _state("m0"))
    for number in range(20):
        active = f"state-{number}"
        etcd.put(f"states/{UNITS[1]}/m0", _state("m0", active))
        shown = views.showing(partial(_is_said, changed, active))
        assert shown.read_at == whole.read_at
        assert shown.units[renewed] is whole.units[renewed]
