"""The probe's answer is read into facts, or refused as a whole."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from fleettui.access import HostUnreachable
from fleettui.hosts.copies import read_copy
from fleettui.hosts.probe import ProbeUnreadable, read_probe
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS, EntryKind, FolderEntry, HostFacts
from fleettui.model.untrusted import Untrusted

ID = Untrusted("ab" * 16)
TAKEN = datetime(2026, 11, 22, tzinfo=UTC)
SHA = "0f" * 32
SERVICES = b"""Id=fleet.service
Names=fleet.service
ActiveState=active
MainPID=7
ActiveEnterTimestampMonotonic=40000000"""
RECORD = b'{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1409270367310391","MESSAGE":"line"}'

HEAD = [b"fleettui-probe-1", b"1409270400.5", b"100.25", b"cd" * 16, b"core-03"]
FLEET = [
    *[b"folder", FLEET_UNITS.encode(), FLEET_UNITS.encode()],
    *[b"entry", b"foo@.service", b"f", b"120", b"644", b"1", b""],
    *[b"entry", b"sub", b"d", b"40", b"755", b"2", b""],
    *[b"sha256", b"foo@.service", SHA.encode()],
]
SYSTEMD = [
    *[b"folder", SYSTEMD_UNITS.encode(), SYSTEMD_UNITS.encode()],
    *[b"entry", b"foo@.service", b"l", b"32", b"777", b"1", b"/run/fleet/units/foo@.service"],
]
REST = [b"services", SERVICES, b"journal", RECORD]


def joined(*fields: bytes) -> bytes:
    return b"".join(f + b"\0" for f in fields)


WHOLE = joined(*HEAD, *FLEET, *SYSTEMD, *REST, b"end")


def read(answer: bytes, *units: str) -> HostFacts:
    return read_probe(answer, ID, TAKEN, units)


def test_a_whole_answer_is_read_field_by_field() -> None:
    facts = read(WHOLE)
    assert (facts.machine_id, facts.reported_id) == (ID, Untrusted("cd" * 16))
    assert facts.hostname == Untrusted("core-03")
    assert facts.taken_at == TAKEN
    assert facts.clock == datetime(2014, 8, 29, 0, 0, 0, 500000, tzinfo=UTC)
    name = Untrusted("foo@.service")
    assert facts.folders[FLEET_UNITS].entries == {
        name: FolderEntry(name, EntryKind.FILE, 120, 0o644, 1, sha256=SHA),
        Untrusted("sub"): FolderEntry(Untrusted("sub"), EntryKind.OTHER, 40, 0o755, 2),
    }
    link = facts.folders[SYSTEMD_UNITS].entries[name]
    assert (link.kind, link.target) == (
        EntryKind.LINK,
        Untrusted("/run/fleet/units/foo@.service"),
    )
    assert [entry.message.raw for entry in facts.journal] == ["line"]
    assert facts.journal_problem is facts.services_problem is None


@pytest.mark.parametrize(
    ("clock", "took", "ahead"),
    [(0, 0, 0), (3600, 2, 3600), (-3600, 2, -3598), (-8, 9, 0), (-8, 8, 0), (8, 9, 8)],
)
def test_a_clock_is_off_only_by_what_the_time_of_the_answer_does_not_explain(
    clock: int, took: int, ahead: int
) -> None:
    """The machine looked at its clock at some time while it was asked."""
    off = TAKEN + timedelta(seconds=clock)
    facts = replace(read(WHOLE), clock=off, asked_at=TAKEN - timedelta(seconds=took))
    assert facts.ahead == timedelta(seconds=ahead)


def test_a_service_is_dated_by_the_machines_own_clock_and_uptime() -> None:
    facts = read(WHOLE)
    assert facts.fleet is not None
    assert facts.fleet.since == facts.clock - timedelta(seconds=100.25) + timedelta(seconds=40)


def test_a_greeting_of_the_login_shell_does_not_hide_the_answer() -> None:
    assert read(b"Welcome!\n" + WHOLE).hostname == Untrusted("core-03")


def test_a_folder_that_is_not_there_says_why() -> None:
    answer = joined(
        *HEAD, b"missing", FLEET_UNITS.encode(), b"ls: No such file", *SYSTEMD, *REST, b"end"
    )
    folder = read(answer).folders[FLEET_UNITS]
    assert (folder.problem, dict(folder.entries)) == (Untrusted("ls: No such file"), {})


def test_a_folder_that_was_not_told_of_is_not_taken_for_an_empty_one() -> None:
    folder = read(joined(*HEAD, *FLEET, *REST, b"end")).folders[SYSTEMD_UNITS]
    assert folder.problem == Untrusted("not looked at")


def test_a_folder_that_lies_elsewhere_says_where() -> None:
    moved = [b"folder", FLEET_UNITS.encode(), b"/tmp/x"]
    folder = read(joined(*HEAD, *moved, *REST, b"end")).folders[FLEET_UNITS]
    assert folder.problem == Untrusted("it is really /tmp/x")


def test_names_are_kept_byte_for_byte() -> None:
    name = b"a\nb\xff\x1b[31m.service"
    entry = [b"entry", name, b"f", b"0", b"600", b"1", b"", b"sha256", name, SHA.encode()]
    answer = joined(*HEAD, b"folder", FLEET_UNITS.encode(), FLEET_UNITS.encode(), *entry, b"end")
    (found,) = read(answer).folders[FLEET_UNITS].entries.values()
    assert found.name.raw.encode("utf-8", "surrogateescape") == name
    assert found.sha256 == SHA


def test_a_file_that_came_while_the_folder_was_listed_is_left_for_the_next_probe() -> None:
    answer = joined(*HEAD, *FLEET, b"sha256", b"new.service", SHA.encode(), *REST, b"end")
    assert Untrusted("new.service") not in read(answer).folders[FLEET_UNITS].entries


def test_a_file_that_could_not_be_read_has_no_hash() -> None:
    answer = WHOLE.replace(SHA.encode(), b"")
    assert read(answer).folders[FLEET_UNITS].entries[Untrusted("foo@.service")].sha256 is None


def test_what_journalctl_says_besides_its_records_is_the_journals_problem() -> None:
    answer = WHOLE.replace(RECORD, b"No journal files were found.\n-- No entries --")
    facts = read(answer)
    assert (facts.journal, facts.journal_problem) == (
        (),
        Untrusted("No journal files were found."),
    )


def test_an_old_journalctls_rules_between_records_are_no_problem() -> None:
    answer = WHOLE.replace(RECORD, RECORD + b"\n-- Reboot --\n" + RECORD)
    facts = read(answer)
    assert (len(facts.journal), facts.journal_problem) == (2, None)


def test_what_systemctl_says_besides_is_kept() -> None:
    facts = read(WHOLE.replace(SERVICES, b"Failed to connect to bus: Host is down"))
    assert facts.services_problem == Untrusted("Failed to connect to bus: Host is down")
    assert facts.fleet is None


def test_units_are_found_under_the_names_they_were_asked_by_or_have_in_the_folder() -> None:
    shown = SERVICES + b"\n\nId=real.service\nNames=real.service alias.service foo@.service"
    facts = read(WHOLE.replace(SERVICES, shown), "alias.service")
    assert {name.raw for name in facts.services} == {
        "fleet.service",
        "alias.service",
        "foo@.service",
    }


@pytest.mark.parametrize("length", range(0, len(WHOLE), 7))
def test_an_answer_that_was_cut_is_refused(length: int) -> None:
    with pytest.raises(ProbeUnreadable):
        read(WHOLE[:length])


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"This account is currently not available.\n",
        joined(*HEAD, b"end").replace(b"probe-1", b"probe-2"),
        joined(*HEAD[:1], b"never", *HEAD[2:], b"end"),
        joined(*HEAD, b"strange", b"end"),
        joined(*HEAD, b"entry", b"f", b"f", b"1", b"644", b"1", b"", b"end"),
        joined(*HEAD, b"sha256", b"f", b"x", b"end"),
        joined(*HEAD, b"folder", b"/etc", b"/etc", b"end"),
        joined(*HEAD, b"missing", b"\xff", b"why", b"end"),
        joined(*HEAD, *FLEET[:3], b"entry", b"f", b"f", b"big", b"644", b"1", b"", b"end"),
        joined(*HEAD, *FLEET[:3], b"entry", b"f", b"f", b"1", b"999", b"1", b"", b"end"),
        joined(HEAD[0], b"9" * 12, *HEAD[2:], b"end"),
    ],
    ids=lambda answer: repr(answer[-30:]),
)
def test_what_is_no_answer_of_ours_is_refused_in_words(answer: bytes) -> None:
    with pytest.raises(ProbeUnreadable) as refusal:
        read(answer)
    assert str(refusal.value).isprintable()


def refused_in_words_if_at_all(answer: bytes) -> bool:
    try:
        read(answer)
    except ProbeUnreadable as refusal:
        return str(refusal).isprintable()
    return True


@settings(max_examples=500, deadline=None, database=None)
@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)), st.binary(max_size=40))
def test_no_answer_makes_reading_fail_otherwise(start: int, end: int, noise: bytes) -> None:
    assert refused_in_words_if_at_all(WHOLE[:start] + noise + WHOLE[end:])


@settings(max_examples=300, deadline=None, database=None)
@given(
    st.lists(st.sampled_from([*HEAD, *FLEET, *SYSTEMD, *REST, b"end", b"", b"\xff"]), max_size=25)
)
def test_no_order_of_fields_makes_reading_fail_otherwise(fields: list[bytes]) -> None:
    assert refused_in_words_if_at_all(joined(*HEAD, *fields))


def test_a_copy_has_the_files_bytes_mode_and_owner() -> None:
    copy = read_copy(b"644 0 10 1 6\na\n\0\xffb\n")
    assert (copy.content, copy.mode, copy.uid, copy.gid) == (b"a\n\0\xffb\n", 0o644, 0, 10)


@pytest.mark.parametrize(
    "answer", [b"", b"644 0 0 1 4\nabc", b"644 0 0 1 2\nabc", b"hello\n", b"9 0 0 1 0\n"]
)
def test_a_copy_that_is_not_whole_is_refused(answer: bytes) -> None:
    with pytest.raises(HostUnreachable):
        read_copy(answer)
