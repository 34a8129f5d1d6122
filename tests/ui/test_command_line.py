"""The command line: every wrong word gets a sentence, and nothing is drawn without a terminal."""

import os
import subprocess
import sys

import pytest
from terminal import run_in_terminal

FLEETTUI = (sys.executable, "-m", "fleettui")


def said(*argv: str, **variables: str) -> tuple[int, str]:
    """Exit status and words of a run without a terminal."""
    environment = {**os.environ, **variables}
    ended = subprocess.run(
        [*FLEETTUI, *argv],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ((), "needs a terminal"),
        (("demo",), "needs a terminal"),
        (("--endpoint", "ftp://x", "check"), "must begin with http:// or https://"),
        (("--endpoint", "http://u:p@h:1", "check"), "cannot carry a user name or a password"),
        (("--etcd-key-prefix", "/", "check"), "names no folder"),
        (("--ssh-port", "99999", "check"), "--ssh-port"),
        (("--identity", "/nope", "check"), "'/nope' does not exist"),
        (("demo", "--fault", "foo"), "the demo knows no fault 'foo'"),
        (("nonsense",), "No such command 'nonsense'"),
    ],
)
def test_a_wrong_word_is_a_usage_error_that_says_what_and_where(
    argv: tuple[str, ...], words: str
) -> None:
    status, text = said(*argv)
    assert status == 2
    assert words in text
    assert "Traceback" not in text


def test_fleetctls_socket_is_explained_not_obeyed() -> None:
    status, text = said("check", FLEETCTL_ENDPOINT="unix:///var/run/fleet.sock")
    assert status == 2
    assert "is fleet's own API" in text
    assert "Give etcd's address with --endpoint" in text


def test_the_faults_of_the_demo_are_listed_without_a_terminal() -> None:
    status, text = said("demo", "--fault", "list")
    assert status == 0
    assert {"template-loaded", "ghost-state", "none"} <= {
        line.split()[0] for line in text.splitlines()
    }


def test_a_demo_without_etcd_says_what_is_missing() -> None:
    with run_in_terminal([*FLEETTUI, "demo"], env={"FLEETTUI_ETCD": "/nope"}) as terminal:
        terminal.read(20)
        assert b"$FLEETTUI_ETCD names /nope" in terminal.output
        assert b"Traceback" not in terminal.output
        assert terminal.process.wait(10) == 1


def test_a_dumb_terminal_is_refused_in_words() -> None:
    with run_in_terminal([*FLEETTUI], env={"TERM": "dumb"}) as terminal:
        terminal.read(20)
        assert b"TERM is dumb" in terminal.output
        assert terminal.process.wait(10) == 2


def test_the_console_quits_at_once_and_leaves_the_terminal_as_it_was() -> None:
    argv = [*FLEETTUI, "--endpoint", "http://127.0.0.1:1"]
    with run_in_terminal(argv) as terminal:
        terminal.until(b"NOT CONNECTED")
        terminal.press(b"q")
        terminal.read(10)
        assert terminal.process.wait(5) == 0
        assert b"\x1b[?1049l" in terminal.output
        assert b"Traceback" not in terminal.output
