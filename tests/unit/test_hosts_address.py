"""A published address is checked before anything connects to it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.access import HostUnreachable
from fleettui.hosts.address import address_of, parse_address
from fleettui.model.cluster import Machine
from fleettui.model.hop import Hop
from fleettui.model.place import AddressMap, Place, parse_rule
from fleettui.model.untrusted import Untrusted


@pytest.mark.parametrize(
    ("published", "address"),
    [
        ("10.0.0.3", "10.0.0.3"),
        ("127.0.0.11", "127.0.0.11"),
        ("::1", "::1"),
        ("FE80::0001%eth0", "fe80::1%eth0"),
        ("core-03.Example.COM", "core-03.example.com"),
        ("core-03.example.com.", "core-03.example.com"),
        ("localhost", "localhost"),
    ],
)
def test_addresses_and_host_names_pass_in_one_spelling(published: str, address: str) -> None:
    assert parse_address(Untrusted(published)) == address


@pytest.mark.parametrize(
    "published",
    [
        "",
        " ",
        "-oProxyCommand=reboot",
        "--",
        "10.0.0.3; reboot",
        "10.0.0.3\nHost *",
        "$(reboot)",
        "`reboot`",
        "user@10.0.0.3",
        "10.0.0.3:22",
        "[::1]:22",
        "fe80::1%$(reboot)",
        "fe80::1%-oProxyCommand",
        "fe80::1%a b",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "010.0.0.3",
        "a..b",
        ".a",
        "-a.b",
        "a-.b",
        "a/b",
        "*",
        "core-*",
        "a,b",
        "a" * 64 + ".com",
        "a." * 130 + "com",
        "h\u00f6st",
        "host\u202egpj",
        "host\x00",
        "host\n",
        "10.0.0.3\n",
    ],
)
def test_anything_else_is_refused_in_words(published: str) -> None:
    with pytest.raises(HostUnreachable) as refusal:
        parse_address(Untrusted(published))
    assert str(refusal.value).isprintable()


@settings(max_examples=300, deadline=None, database=None)
@given(st.text(max_size=40) | st.text(alphabet="0123456789.:%-abx[]@ \n$", max_size=40))
def test_what_passes_is_free_of_everything_a_shell_or_a_file_obeys(published: str) -> None:
    try:
        address = parse_address(Untrusted(published))
    except HostUnreachable:
        return
    assert set(address) <= set(
        "0123456789abcdefghijklmnopqrstuvwxyz.:-_%ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    )
    assert not address.startswith("-")


def machine(public_ip: str, machine_id: str = "a" * 32) -> Machine:
    role = (Untrusted("role"), Untrusted("db"))
    return Machine(Untrusted(machine_id), Untrusted(public_ip), (role,))


ADDRESSES = AddressMap((parse_rule("a" * 8, "gate:2222"), parse_rule("role=db", "10.1.1.1")))


def test_the_operators_map_comes_before_what_a_machine_has_published() -> None:
    assert address_of(machine("10.0.0.3"), ADDRESSES) == Place("gate", 2222)
    assert address_of(machine("$(reboot)", "b" * 32), ADDRESSES) == Place("10.1.1.1")
    assert address_of(machine("10.0.0.3"), AddressMap()) == Place("10.0.0.3")


def test_a_machine_without_an_address_says_where_to_give_it_one() -> None:
    with pytest.raises(HostUnreachable, match="with --address aaaaaaaa=HOST, or under") as refusal:
        address_of(machine(""), AddressMap())
    assert refusal.value.hop is Hop.ADDRESS
