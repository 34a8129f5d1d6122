"""`systemctl show` is read into facts."""

from datetime import UTC, datetime, timedelta

from fleettui.hosts.systemctl import read_services, said_besides
from fleettui.model.untrusted import Untrusted

BOOTED = datetime(2026, 1, 1, tzinfo=UTC)
FLEET = """Id=fleet.service
Names=fleet.service fleetd.service
LoadState=loaded
ActiveState=active
SubState=running
MainPID=812
NeedDaemonReload=yes
FragmentPath=/usr/lib/systemd/system/fleet.service
ActiveEnterTimestampMonotonic=4500000
InactiveEnterTimestampMonotonic=0
"""
GONE = """Id=gone.service
Names=gone.service
LoadState=not-found
ActiveState=inactive
SubState=dead
MainPID=0
NeedDaemonReload=no
FragmentPath=
ActiveEnterTimestampMonotonic=0
InactiveEnterTimestampMonotonic=0
"""


def test_units_are_told_apart_by_empty_lines() -> None:
    services = read_services(f"{FLEET}\n{GONE}", {"fleet.service", "gone.service"}, BOOTED)
    fleet, gone = services[Untrusted("fleet.service")], services[Untrusted("gone.service")]
    assert (fleet.main_pid, fleet.needs_daemon_reload) == (812, True)
    assert (fleet.active, fleet.sub) == (Untrusted("active"), Untrusted("running"))
    assert fleet.fragment_path == Untrusted("/usr/lib/systemd/system/fleet.service")
    assert fleet.since == BOOTED + timedelta(seconds=4.5)
    assert (gone.load, gone.main_pid, gone.since) == (Untrusted("not-found"), 0, None)


def test_a_job_is_told_where_there_is_one() -> None:
    services = read_services(f"{FLEET}Job=1234\n\n{GONE}", set(), BOOTED)
    assert [service.job for service in services.values()] == [1234, 0]


def test_a_unit_asked_for_by_another_of_its_names_is_found_under_that_name() -> None:
    assert list(read_services(FLEET, {"fleetd.service"}, BOOTED)) == [Untrusted("fleetd.service")]


def test_a_unit_nobody_named_so_is_kept_under_its_own_name() -> None:
    assert list(read_services(FLEET, {"x.service"}, BOOTED)) == [Untrusted("fleet.service")]


def test_a_unit_that_ended_is_dated_by_its_end() -> None:
    failed = FLEET.replace("active\n", "failed\n").replace(
        "InactiveEnterTimestampMonotonic=0", "InactiveEnterTimestampMonotonic=7000000"
    )
    services = read_services(failed, {"fleet.service"}, BOOTED)
    assert services[Untrusted("fleet.service")].since == BOOTED + timedelta(seconds=7)


def test_a_unit_on_its_way_has_no_since() -> None:
    services = read_services(FLEET.replace("=active", "=activating"), {"fleet.service"}, BOOTED)
    assert services[Untrusted("fleet.service")].since is None


def test_numbers_that_are_none_count_as_zero() -> None:
    for text in ("", "x", "-1", "\u0663", "9" * 40):
        services = read_services(FLEET.replace("=812", f"={text}"), {"fleet.service"}, BOOTED)
        assert services[Untrusted("fleet.service")].main_pid == 0


def test_complaints_are_no_properties_and_are_kept() -> None:
    shown = f"Failed to get properties: Unit name x is not valid.\n\n{FLEET}"
    assert list(read_services(shown, {"fleet.service"}, BOOTED)) == [Untrusted("fleet.service")]
    assert said_besides(shown) == Untrusted("Failed to get properties: Unit name x is not valid.")
    assert said_besides(FLEET) is None
