"""Unit files, read as fleet's own reader does, oddities included."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleettui.model.unitfile import UnitFile
from fleettui.model.untrusted import Untrusted

B2 = ("Unit", "B", "2")


def unit(text: str) -> UnitFile:
    return UnitFile(Untrusted(text))


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("", []),
        ("[Unit]\n[Service]\n", []),
        (
            "[Unit]\nAfter=a.service\nAfter=b.service\n\n[Service]\nType=simple\n",
            [
                ("Unit", "After", "a.service"),
                ("Unit", "After", "b.service"),
                ("Service", "Type", "simple"),
            ],
        ),
        ("[Unit]\nDescription=no line end", [("Unit", "Description", "no line end")]),
        ("Before=any section\n[Unit]\nA=1\n", [("Unit", "A", "1")]),
        ("garbage ; [hidden by a comment]\n[Unit]\nA=1\n", [("Unit", "A", "1")]),
        ("[Unit]\n  Two Words  =  x  \n", [("Unit", "Two Words", "x")]),
        ('[Service]\nEnvironment="A=1" "B=2"\n', [("Service", "Environment", '"A=1" "B=2"')]),
        ("[Unit]\n# one\n;two\n  #three\nA=1 # kept\n", [("Unit", "A", "1 # kept")]),
        ("[Unit]\n# goes on \\\nA=1\nB=2\n", [("Unit", "B", "2")]),
        ("[Unit]\n# goes on, one space after \\ \nA=1\nB=2\n", [("Unit", "B", "2")]),
        ("[Unit]\nA=one \\\n  two\n", [("Unit", "A", "one    two")]),
        ("[Unit]\nA=x\\\n# no comment here\nB=2\n", [("Unit", "A", "x # no comment here"), B2]),
        ("[Unit]\nA=x\\\n\nB=2\n", [("Unit", "A", "x"), B2]),
        ("[Unit]\nA=x \\", [("Unit", "A", "x")]),
        ("[Unit]\nA=x \\ \nB=2\n", [("Unit", "A", "x \\"), B2]),
        ('[Unit]\nA=echo "\\"a\\""\n', [("Unit", "A", 'echo "\\"a\\""')]),
        ("[Unit]\r\nA=1\r\nB=2\r", [("Unit", "A", "1"), B2]),
        ("[Unit]\r\nA=x\\\r\nB=2\n", [("Unit", "A", "x\\"), B2]),
        ("[two\nlines]\nA=1\n", [("two\nlines", "A", "1")]),
        ("[Unit]  \nA=\n", [("Unit", "A", "")]),
        ("[Unit]\n\x0b\u2003A=\u00a0x\u3000\n", [("Unit", "A", "x")]),
        ("[Unit]\nA=\x1cx\n", [("Unit", "A", "\x1cx")]),
        ("[Sèction]\nµ☃=ü$\n", [("Sèction", "µ☃", "ü$")]),
    ],
)
def test_options_are_read_as_fleet_reads_them(
    text: str, options: list[tuple[str, str, str]]
) -> None:
    assert list(unit(text).options) == options
    assert unit(text).problem is None


@pytest.mark.parametrize(
    ("text", "words", "read"),
    [
        ("[Unit\nA=1\n", "does not end", []),
        ("[Unit] A=1\n", "follows the name of a section", []),
        ("[Unit]\nB=2\nno option\nA=1\n", "it has no =", [B2]),
        ("[Unit]\nB=2\nthe end of the file", "it has no =", [B2]),
        ("[Unit]\nB=2\nname\rwith=return\n", "it has no =", [B2]),
    ],
)
def test_what_fleet_gives_up_on_is_told_with_the_options_before_it(
    text: str, words: str, read: list[tuple[str, str, str]]
) -> None:
    problem = unit(text).problem
    assert problem is not None
    assert words in problem
    assert list(unit(text).options) == read


@pytest.mark.parametrize("word", ["true", "True", "TRUE", "yes", "1", "on", "t", '"true"'])
def test_a_unit_is_global_by_the_words_fleet_takes_for_true(word: str) -> None:
    assert unit(f"[X-Fleet]\nGlobal={word}\n").is_global


@pytest.mark.parametrize("word", ["", "false", "0", "y", "no", "truee", "true false"])
def test_other_words_do_not_make_it_global(word: str) -> None:
    assert not unit(f"[X-Fleet]\nGlobal={word}\n").is_global


def test_the_last_value_of_global_counts_and_only_in_its_section() -> None:
    assert unit("[X-Fleet]\nGlobal=false\nGlobal=true\n").is_global
    assert not unit("[X-Fleet]\nGlobal=true\nGlobal=false\n").is_global
    assert not unit('[X-Fleet]\nGlobal="true" "false"\n').is_global
    assert not unit("[Service]\nGlobal=true\n").is_global
    assert not unit("[X-Fleet]\nglobal=true\n").is_global


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("az=az1", ("az=az1",)),
        ('"az=az1" "disk=ssd"', ("az=az1", "disk=ssd")),
        ('"a b" "c"', ("a b", "c")),
        ('"a"b "c"', ("ab", "c")),
        ('"', ("",)),
        ('x "y"', ('x "y"',)),
    ],
)
def test_one_line_of_a_fleet_option_may_hold_several_values(
    line: str, values: tuple[str, ...]
) -> None:
    assert unit(f"[X-Fleet]\nMachineMetadata={line}\n").fleet_values("MachineMetadata") == values
    assert unit(f"[Service]\nMachineMetadata={line}\n").fleet_values("MachineMetadata") == ()


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/docker pull zookeeper:3.4",
        "-/usr/bin/docker pull zookeeper:3.4",
        "docker pull x",
        "/usr/bin/docker --host tcp://10.0.0.1:2375 pull x",
        "/usr/bin/docker -D pull x",
        "/usr/bin/docker image pull x",
        '/bin/sh -c "docker pull x"',
        "/bin/bash -c 'docker inspect x || docker pull x'",
        "/usr/bin/rkt fetch example.com/x",
        "/usr/bin/rkt --insecure-options=image fetch example.com/x",
        "/usr/bin/podman pull x",
    ],
)
def test_commands_that_pull_an_image_before_the_start_are_found(command: str) -> None:
    text = f"[Service]\nExecStartPre=-/usr/bin/docker kill x\nExecStartPre={command}\n"
    assert unit(text).image_pulls == (command,)


@pytest.mark.parametrize(
    "command",
    [
        "/usr/bin/docker kill pull",
        "/usr/bin/docker run --rm backup pull everything",
        "/usr/bin/docker rm -f pull-it",
        "/usr/bin/mydocker pull x",
        "/usr/bin/git pull x",
        "/usr/bin/rkt gc --fetch x",
    ],
)
def test_commands_that_pull_no_image_are_left_alone(command: str) -> None:
    assert unit(f"[Service]\nExecStartPre={command}\n").image_pulls == ()


def test_a_pull_elsewhere_than_before_the_start_does_not_count() -> None:
    assert unit("[Service]\nExecStop=/usr/bin/docker pull x\n").image_pulls == ()


@settings(deadline=None)
@given(st.text(st.sampled_from("[]=#;\\\n\r \tab\"'µ\x85\x1c"), max_size=80))
def test_no_text_makes_reading_fail(text: str) -> None:
    read = unit(text)
    assert (read.problem is None) or read.problem
    assert all(name == name.strip(" \t\n\r") for _, name, _ in read.options)
    assert read.is_global in {True, False}
    assert read.fleet_values("a") is not None


_LINES = (
    "[Service]",
    "[X-Fleet]",
    "[",
    "]",
    "[a]b",
    "A=b",
    "A-1 = b",
    "=",
    "A",
    "A=",
    "A=\\",
    "#",
    "",
)
_ENDS = ("\n", " \n", "\\\n", "\\ \n", "\r\n", "\x85", "")


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_LINES), st.sampled_from(_ENDS)), max_size=8))
def test_a_file_that_is_ordinary_at_a_glance_is_one_that_fleet_can_read(
    lines: list[tuple[str, str]],
) -> None:
    text = Untrusted("".join(line + end for line, end in lines))
    for keeps_line_ends in (False, True):
        read = UnitFile(text, keeps_line_ends)
        assert read.problem == read._read[1]  # to the letter, not at a glance


@pytest.mark.parametrize(
    ("piece", "times"),
    [
        ("-a b ", 20_000),
        ("-a ", 20_000),
        ("docker -a ", 20_000),
        ("rkt\t", 20_000),
        ("/docker", 20_000),
        ('"', 100_000),
        ('"a" ', 50_000),
        ("\\\n", 50_000),
    ],
)
def test_a_hostile_text_costs_no_more_than_its_length(piece: str, times: int) -> None:
    hostile = f"docker {piece * times}"
    began = time.process_time()
    read = unit(f"[Service]\nExecStartPre={hostile}\n[X-Fleet]\nGlobal={piece * times}\n")
    assert not read.image_pulls
    assert not read.is_global
    assert time.process_time() - began < 5
