"""known_hosts files are read as OpenSSH reads them, and nothing hides a good line."""

import base64
import hashlib
import hmac
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.hosts.known_hosts import (
    HostLines,
    Standing,
    fingerprints,
    key_kind,
    lines_about,
    parse_known_hosts,
)


def blob(kind: str, seed: str) -> bytes:
    """A key in wire format: its type, and bytes that stand for the rest."""
    rest = hashlib.sha256(seed.encode()).digest()
    return b"".join(struct.pack(">I", len(part)) + part for part in (kind.encode(), rest))


ED = blob("ssh-ed25519", "ed")
OTHER_ED = blob("ssh-ed25519", "other")
RSA = blob("ssh-rsa", "rsa")
AUTHORITY = blob("ssh-ed25519", "authority")


def line(hosts: str, key: bytes, marker: str = "") -> str:
    kind = key_kind(key)
    return f"{marker} {hosts} {kind} {base64.b64encode(key).decode()} comment".strip()


def hashed(name: str) -> str:
    salt = b"0123456789abcdefghij"
    mac = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(mac).decode()}"


def about(content: str, host: str = "10.0.0.3", port: int = 22) -> HostLines:
    return lines_about(host, port, parse_known_hosts(content.encode(), "known_hosts"))


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("10.0.0.3", "10.0.0.3", 22),
        ("core-03,10.0.0.3", "10.0.0.3", 22),
        ("CORE-03", "core-03", 22),
        ("10.0.0.*", "10.0.0.3", 22),
        ("10.0.0.?", "10.0.0.3", 22),
        ("[10.0.0.3]:2222", "10.0.0.3", 2222),
        ("[10.0.0.*]:2222", "10.0.0.3", 2222),
        ("10.0.0.3", "10.0.0.3", 2222),
        ("::1", "::1", 22),
        ("[::1]", "::1", 22),
        ("[::1]:2222", "::1", 2222),
        (hashed("10.0.0.3"), "10.0.0.3", 22),
        (hashed("[10.0.0.3]:2222"), "10.0.0.3", 2222),
    ],
)
def test_a_line_that_names_the_host_vouches_for_its_key(hosts: str, host: str, port: int) -> None:
    assert about(line(hosts, ED), host, port).judge(ED).standing is Standing.MATCH


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("10.0.0.30", "10.0.0.3", 22),
        ("10.0.0.*,!10.0.0.3", "10.0.0.3", 22),
        ("!10.0.0.3,10.0.0.*", "10.0.0.3", 22),
        ("[10.0.0.3]:2222", "10.0.0.3", 22),
        ("[10.0.0.3]:2222", "10.0.0.3", 2223),
        ("10x0.0.3", "10.0.0.3", 22),
        (hashed("10.0.0.4"), "10.0.0.3", 22),
        (hashed("10.0.0.3") + "x", "10.0.0.3", 22),
    ],
)
def test_a_line_about_others_says_nothing(hosts: str, host: str, port: int) -> None:
    assert about(line(hosts, ED), host, port).judge(ED).standing is Standing.UNKNOWN


@pytest.mark.parametrize("shown", [OTHER_ED, RSA], ids=["same type", "another type"])
def test_another_key_is_a_change_whatever_its_type(shown: bytes) -> None:
    content = "\n".join(["# mine", "", line("10.0.0.3", ED)])
    judgement = about(content).judge(shown)
    assert judgement.standing is Standing.CHANGED
    assert judgement.line is not None
    assert judgement.line.place == "known_hosts:3"


def test_a_change_names_the_line_of_the_same_type_first() -> None:
    content = "\n".join([line("10.0.0.3", RSA), line("10.0.0.3", ED)])
    judgement = about(content).judge(OTHER_ED)
    assert judgement.line is not None
    assert judgement.line.place == "known_hosts:2"


def test_any_matching_line_outweighs_those_that_differ() -> None:
    content = "\n".join([line("10.0.0.3", OTHER_ED), line("10.0.0.3", RSA), line("*", ED)])
    assert about(content).judge(ED).standing is Standing.MATCH


def test_a_line_without_the_port_vouches_but_never_accuses() -> None:
    assert about(line("10.0.0.3", ED), port=2222).judge(OTHER_ED).standing is Standing.UNKNOWN


def test_a_line_with_the_port_does_accuse() -> None:
    content = "\n".join([line("[10.0.0.3]:2222", ED), line("10.0.0.3", OTHER_ED)])
    assert about(content, port=2222).judge(RSA).standing is Standing.CHANGED


@pytest.mark.parametrize("hosts", ["10.0.0.3", "*", hashed("10.0.0.3")])
def test_a_revoked_key_is_revoked_even_where_another_line_vouches(hosts: str) -> None:
    content = "\n".join([line("10.0.0.3", ED), line(hosts, ED, "@revoked")])
    judgement = about(content).judge(ED)
    assert judgement.standing is Standing.REVOKED
    assert judgement.line is not None
    assert judgement.line.place == "known_hosts:2"


def test_an_authority_signs_certificates_and_is_no_host_key() -> None:
    lines = about(line("*.0.0.3", AUTHORITY, "@cert-authority"))
    assert lines.judge_authority(AUTHORITY).standing is Standing.MATCH
    assert lines.judge_authority(ED).standing is Standing.CHANGED
    assert lines.judge(AUTHORITY).standing is Standing.UNKNOWN


def test_a_revoked_authority_signs_nothing() -> None:
    content = "\n".join([line("*", AUTHORITY, "@cert-authority"), line("*", AUTHORITY, "@revoked")])
    assert about(content).judge_authority(AUTHORITY).standing is Standing.REVOKED


def test_known_key_types_are_told_so_that_they_can_be_asked_for_first() -> None:
    content = "\n".join([line("10.0.0.3", RSA), line("10.0.0.3", ED), line("10.0.0.4", ED)])
    assert about(content).kinds == ("ssh-rsa", "ssh-ed25519")


GARBAGE = [
    "10.0.0.3",
    "10.0.0.3 ssh-ed25519",
    "10.0.0.3 ssh-ed25519 not-base64!",
    "10.0.0.3 ssh-ed25519 AAAA",
    "10.0.0.3 ssh-rsa " + base64.b64encode(ED).decode(),
    "@unheard-of 10.0.0.3 ssh-ed25519 AAAA",
    "@revoked",
    "10.0.0.3 2048 65537 1234567890",
    "|1|broken ssh-ed25519 " + base64.b64encode(ED).decode(),
    "|2|YQ==|YQ== ssh-ed25519 " + base64.b64encode(ED).decode(),
    "<<<<<<< HEAD",
    "\x0b\x0c\x1c\u2028\u0085",
    "*" * 2000 + "a ssh-ed25519 " + base64.b64encode(OTHER_ED).decode(),
]


@pytest.mark.parametrize("rubbish", GARBAGE)
def test_garbage_neither_raises_nor_hides_the_good_line_behind_it(rubbish: str) -> None:
    content = f"{rubbish}\n{line('10.0.0.3', ED)}\n"
    assert about(content).judge(ED).standing is Standing.MATCH


def test_a_good_line_with_windows_ends_and_no_final_newline_counts() -> None:
    assert about(f"# x\r\n{line('10.0.0.3', ED)}\r").judge(ED).standing is Standing.MATCH


def test_many_stars_do_not_take_for_ever() -> None:
    content = line("*a" * 300 + "b", ED)
    assert about(content, host="a" * 250).judge(ED).standing is Standing.UNKNOWN


@settings(max_examples=300, deadline=None, database=None)
@given(st.binary(max_size=200))
def test_no_file_makes_reading_fail_or_hides_a_good_line(rubbish: bytes) -> None:
    content = rubbish + b"\n" + line("10.0.0.3", ED).encode()
    known = list(parse_known_hosts(content, "f"))
    assert lines_about("10.0.0.3", 22, known).judge(ED).standing in {
        Standing.MATCH,
        Standing.REVOKED,
    }


def test_fingerprints_read_as_openssh_and_old_fleetctl_print_them() -> None:
    # ssh-keygen -l -E sha256|md5 of this key prints these.
    key = base64.b64decode("AAAAC3NzaC1lZDI1NTE5AAAAIGu+nvaoN7C5UyxOtMjcD9RdwnPysAjnZFKNKbbh8hKr")
    assert fingerprints(key) == (
        "SHA256:VkI8sjHVMtgHR/OKtEKdNkNBNRFXkb+KiAd3bKIzsVE",
        "MD5:f1:b9:ca:f6:0e:94:ca:ea:39:50:12:96:43:46:f3:0b",
    )
