"""Lines that faults are told by, recognised by their message in every release's prefix."""

import time

import pytest
from diagnosis_cases import NOW, ago, line
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.diagnosis.noise import MOST, noise_in
from fleettui.diagnosis.signals import Said, signals_in
from fleettui.journal.fields import TEXT_LIMIT

MACHINE = "476f54df3be149669748d2d8feddc811"
HASH = "0123456789abcdef0123456789abcdef01234567"
PREFIXES = ("", "INFO fleetd.go:64: ", "E0828 23:59:27.310391 00600 engine.go:41] ")

LINES = [
    ("Starting fleetd version 0.11.8", Said.BEGAN, ""),
    ("Restarting server components", Said.TOLD_ANEW, ""),
    ("Gracefully shutting down", Said.TOLD_TO_END, ""),
    ("Server monitor triggered: told to shut down", Said.TOLD_TO_END, ""),
    ("Establishing etcd connectivity", Said.CONNECTING, ""),
    ("hrt.Register() success", Said.REGISTERED, ""),
    ("hrt.Beat() success", Said.REGISTERED, ""),
    ("Starting server components", Said.UP, ""),
    ("Writing systemd unit a:b.service (66b)", Said.WROTE, "a:b.service"),
    ("Removing systemd unit a.service", Said.REMOVED, "a.service"),
    ("Triggered systemd unit a@1.service start: job=89", Said.STARTED, "a@1.service"),
    (
        (
            "Failed to trigger systemd unit a:b.service start: Unit c.service failed to load: No "
            "such file or directory. See system logs and 'systemctl status c.service' for details."
        ),
        Said.UNKNOWN_TO_SYSTEMD,
        "c.service",
    ),
    (
        "Failed to trigger systemd unit a.service start: Unit a.service not found.",
        Said.UNKNOWN_TO_SYSTEMD,
        "a.service",
    ),
    (
        (
            "Failed to parse Unit from etcd: failed to parse Unit(a.service) target-state: "
            'invalid value "x y" for JobState'
        ),
        Said.BAD_STATE,
        "a.service",
    ),
    ('invalid value "x" for JobState', Said.BAD_STATE, ""),
    ("No Unit found in Registry for Job(a.service)", Said.NO_UNIT, "a.service"),
    (f"did not find Unit {HASH} in list of all units", Said.NO_HASH, HASH),
    (
        "Engine leadership lost, renewal failed: 101: Compare failed ([260 != 261]) [261]",
        Said.LEASE_LOST,
        "101: Compare failed",
    ),
    ("Engine leadership lost, renewal failed: timeout reached", Said.LEASE_LOST, ""),
    ("Engine leadership acquisition failed: timeout reached", Said.LEASE_FAILED, ""),
    ("Engine leadership re-acquisition failed: x", Said.LEASE_FAILED, ""),
    (f"Stole engine leadership from Machine({MACHINE})", Said.STOLE, MACHINE),
    ("Server register machine failed: 105: Key already exists (/x) [1]", Said.ID_TAKEN, ""),
    ("Server register machine failed: timeout reached", Said.NO_REGISTRY, ""),
    (
        "Server monitor triggered: Monitor timed out before successful heartbeat",
        Said.TIMED_OUT,
        "",
    ),
    (
        (
            "EngineReconciler completed task: {Type: UnscheduleUnit, JobName: a.service, "
            f'MachineID: {MACHINE}, Reason: "target Machine({MACHINE}) went away"}}'
        ),
        Said.WENT_AWAY,
        MACHINE,
    ),
    (
        (
            "EngineReconciler completed task: {Type: UnscheduleJob, Job: a.service, Reason: "
            f'"target Machine({MACHINE}) went away"}}'
        ),
        Said.WENT_AWAY,
        MACHINE,
    ),
    ("Failed fetching Units from Registry: timeout reached", Said.NO_REGISTRY, ""),
    ("Failed fetching Jobs from Registry: timeout reached", Said.NO_REGISTRY, ""),
    ("Unable to determine agent's desired state: timeout reached", Said.NO_REGISTRY, ""),
    ("Unable to determine current lessee: timeout reached", Said.NO_REGISTRY, ""),
    ("Unable to get result for {Set /job/x}, retrying in 100ms", Said.NO_REGISTRY, ""),
    ("Failed getting response from http://x/: too many redirects", Said.NO_REGISTRY, ""),
    (
        (
            "AgentReconciler completed task: type=UnloadUnit job=a@1.service "
            'reason="unit loaded but hash differs to expected"'
        ),
        Said.OTHER_HASH,
        "a@1.service",
    ),
]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize(("message", "kind", "about"), LINES)
def test_a_line_is_recognised_with_what_it_is_about(
    message: str, kind: Said, about: str, prefix: str
) -> None:
    signals = signals_in([line(prefix + message, 1)])
    (signal,) = signals.of(kind)
    assert (signal.kind, signal.about, signal.at) == (kind, about, ago(1))
    assert list(signals.said) == [kind]


@pytest.mark.parametrize(
    "message",
    [
        "Unable to get result for {Watch /_coreos.com/fleet/job}, retrying in 100ms",
        "Failed getting response from http://x/: unexpected EOF",
        "Failed getting response from http://x/: cancelled",
        "Unable to determine agent's current state: failed fetching unit states",
        "Failed to trigger systemd unit a.service stop: Unit a.service not loaded.",
        "etcd watcher /_coreos.com/fleet/job returned error: client: response is invalid json",
        "INFO x.go:1: somebody wrote: Removing systemd unit a.service",
        (
            'AgentReconciler completed task: type=UnloadUnit job=a reason="unit loaded but not '
            'scheduled here"'
        ),
    ],
)
def test_other_lines_say_nothing(message: str) -> None:
    assert signals_in([line(message, 1)]).said == {}


def test_lines_are_asked_for_by_kind_subject_and_age() -> None:
    signals = signals_in(
        [
            line("Removing systemd unit a.service", 50),
            line("Writing systemd unit a.service (1b)", 40),
            line("Removing systemd unit b.service", 30),
        ]
    )
    assert [s.about for s in signals.of(Said.REMOVED)] == ["a.service", "b.service"]
    mixed = signals.of(Said.WROTE, Said.REMOVED, about="a.service")
    assert [s.kind for s in mixed] == [Said.REMOVED, Said.WROTE]
    last = signals.last(Said.REMOVED)
    assert last is not None
    assert last.about == "b.service"
    assert signals.last(Said.BEGAN) is None
    recent = signals.within(ago(0) - ago(35), NOW, Said.WROTE, Said.REMOVED)
    assert [s.about for s in recent] == ["b.service"]


@settings(deadline=None)
@given(st.text(max_size=300))
def test_no_line_whatsoever_is_too_much(message: str) -> None:
    entries = [line(message, 1)]
    signals_in(entries)
    noise_in(entries)


@pytest.mark.parametrize(
    "piece",
    ['"target Machine(', "Machine(", "failed to parse Unit(", ": Unit ", " start:"],
)
def test_a_hostile_line_is_read_in_one_go(piece: str) -> None:
    heads = (
        "EngineReconciler completed task: ",
        "Failed to trigger systemd unit ",
        "failed to parse Unit(",
        "No Unit found in Registry for Job(",
    )
    began = time.monotonic()
    signals_in([line(head + piece * (TEXT_LIMIT // len(piece)), 1) for head in heads])
    assert time.monotonic() - began < 2


# --- noise ------------------------------------------------------------------------------------

WATCH = "{Watch /_coreos.com/fleet/job}"
RESPONSE = "INFO client.go:292: Failed getting response from http://x/: unexpected EOF"
RESULT = f"ERROR client.go:214: Unable to get result for {WATCH}, retrying in 100ms"
ENDED = f"ERROR event.go:106: etcd watcher {WATCH} returned error: unexpected end of JSON input"


def test_each_line_is_counted_but_an_ended_watch_once() -> None:
    noise = noise_in(
        [line(message, s) for s in (300, 200) for message in (RESPONSE, RESULT, ENDED)]
    )
    assert (noise.lines, noise.breaks) == (6, 2)
    assert noise.sample is not None
    assert noise.sample.at == ago(200)


def test_a_journal_without_noise_counts_none() -> None:
    noise = noise_in([line("INFO x.go:1: fine", 1)])
    assert (noise.lines, noise.breaks, noise.since, noise.sample) == (0, 0, None, None)


def test_the_known_rate_is_harmless_even_from_both_watchers_for_an_hour() -> None:
    hour = [line(ENDED, s) for s in range(3600, 0, -300) for _ in ("agent", "engine")]
    noise = noise_in(hour)
    assert noise.lines == 24
    assert noise.breaks == 4
    assert not noise.is_dense


def test_the_densest_five_minutes_decide() -> None:
    spread = [line(ENDED, s) for s in range(3600, 600, -100)]
    dense = [line(ENDED, s) for s in range(300, 300 - MOST - 1, -1)]
    assert not noise_in(spread).is_dense
    noise = noise_in([*spread, *dense])
    assert (noise.breaks, noise.since, noise.is_dense) == (MOST + 1, ago(300), True)
