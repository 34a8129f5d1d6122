"""The simulated systemd of a machine: units take their time, and files are read when told."""

import pytest

from fleettui.demo.clock import Clock
from fleettui.demo.fleet_agent import SystemdRefused
from fleettui.demo.machine import Machine
from fleettui.demo.shared_registry import SharedRegistry
from fleettui.demo.traits import WORDINGS, Traits
from fleettui.demo.units import HELLO, TEMPLATE, WEB, ZOOKEEPER

NAME = "hello.service"


class Bench:
    """One machine without a fleetd, and the test's own time."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.clock.rewind(1000)
        traits = Traits(1, "10.0.0.1", (), "0.11.8", 30, 10, WORDINGS[1], pull=3.0)
        self.machine = Machine(traits, self.clock, SharedRegistry(keep=1.0), "/_coreos.com/fleet")
        self.systemd = self.machine.systemd

    def run(self, seconds: float) -> None:
        assert self.clock.skip(seconds)
        self.machine.tick()

    def load(self, name: str = NAME, text: str = HELLO) -> None:
        self.systemd.write_unit(name, text)
        self.systemd.reload()

    def state(self, name: str = NAME) -> tuple[str, str, str]:
        return self.systemd.states([name])[name]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_start_takes_a_moment_and_gives_a_main_process(bench: Bench) -> None:
    bench.load()
    bench.systemd.start(NAME)
    assert bench.state() == ("loaded", "activating", "start")
    bench.run(0.3)
    assert bench.state() == ("loaded", "active", "running")
    assert bench.systemd.main_pids()[NAME] > 1


def test_starting_what_runs_changes_nothing(bench: Bench) -> None:
    bench.load()
    bench.systemd.start(NAME)
    bench.run(0.3)
    before = bench.systemd.main_pids()
    bench.systemd.start(NAME)
    bench.run(0.3)
    assert bench.systemd.main_pids() == before


def test_an_image_pull_prolongs_the_start(bench: Bench) -> None:
    bench.load("web@1.service", WEB)
    bench.systemd.start("web@1.service")
    bench.run(2.5)
    assert bench.state("web@1.service") == ("loaded", "activating", "start-pre")
    bench.run(1.0)
    assert bench.state("web@1.service") == ("loaded", "active", "running")


def test_a_stop_ends_the_process_and_a_start_meanwhile_waits_for_it(bench: Bench) -> None:
    bench.load()
    bench.systemd.start(NAME)
    bench.run(0.3)
    before = bench.systemd.main_pids()[NAME]
    bench.systemd.stop(NAME)
    bench.systemd.start(NAME)
    assert bench.state() == ("loaded", "deactivating", "stop-sigterm")
    bench.run(0.2)
    bench.run(0.2)
    assert bench.state() == ("loaded", "active", "running")
    assert bench.systemd.main_pids()[NAME] != before


@pytest.mark.parametrize("name", [TEMPLATE, "with space.service", "..", "x"])
def test_names_that_are_no_units_are_refused_in_systemds_words(bench: Bench, name: str) -> None:
    with pytest.raises(SystemdRefused, match=r"is missing the instance name\.$"):
        bench.systemd.states([NAME, name])


def test_what_has_no_file_is_not_found_and_cannot_start(bench: Bench) -> None:
    assert bench.state() == ("not-found", "inactive", "dead")
    with pytest.raises(SystemdRefused, match="failed to load: No such file or directory"):
        bench.systemd.start(NAME)


def test_an_instance_is_found_through_its_template(bench: Bench) -> None:
    bench.load(TEMPLATE, ZOOKEEPER)
    assert bench.state("zookeeper@9.service") == ("loaded", "inactive", "dead")


def test_a_file_that_changed_is_noticed_at_the_next_reload_only(bench: Bench) -> None:
    bench.load()
    bench.systemd.start(NAME)
    bench.run(0.3)
    unit = bench.systemd.unit(NAME)
    assert not bench.systemd.needs_reload(unit)
    bench.systemd.remove_unit(NAME)
    assert bench.systemd.needs_reload(unit)
    assert bench.state() == ("loaded", "active", "running")
    bench.systemd.reload()
    assert bench.state() == ("not-found", "active", "running")


def test_a_crash_leaves_the_unit_failed(bench: Bench) -> None:
    bench.load()
    bench.systemd.start(NAME)
    bench.run(0.3)
    bench.systemd.crash(NAME)
    assert bench.state() == ("loaded", "failed", "failed")
    assert bench.systemd.main_pids() == {}


def test_units_without_a_process_have_states_of_their_kind(bench: Bench) -> None:
    bench.load("daily.timer", "[Timer]\nOnCalendar=daily\n")
    bench.systemd.start("daily.timer")
    bench.run(0.3)
    assert bench.state("daily.timer") == ("loaded", "active", "waiting")
    assert bench.systemd.main_pids() == {}
