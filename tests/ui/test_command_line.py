"""The command line: every wrong word gets a sentence, and nothing is drawn without a terminal."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import run_in_terminal

from fleettui import __version__

MISSING = ("ENDPOINT", "TUNNEL", "PROFILE")
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
        (("--profile", "prod", "check"), "has no profile 'prod'"),
        (("--etcd-username", "root", "check"), "needs a password: name a file"),
        (("completion", "csh"), "'csh' is not one of"),
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


def test_every_setting_is_printed_with_where_it_came_from_and_no_password(tmp_path: Path) -> None:
    folder = tmp_path / "fleettui"
    folder.mkdir()
    config = folder / "config.toml"
    config.write_text("[profiles.prod]\nssh_username = 'elroy'\nobserve = true\n")
    variables = {
        "XDG_CONFIG_HOME": str(tmp_path),
        "FLEETCTL_SSH_TIMEOUT": "3",
        "FLEETCTL_DEBUG": "1",
        "FLEETTUI_PROFILE": "prod",
        "FLEETTUI_ETCD_PASSWORD": "hunter2",
    }
    argv = ("--etcd-username", "root", "--endpoint", "http://e:2379", "config")
    status, text = said(*argv, **variables)
    assert status == 0
    assert "hunter2" not in text
    rows = {line.split()[0]: line.split() for line in text.splitlines() if line}
    assert rows["endpoint"] == ["endpoint", "http://e:2379", "--endpoint"]
    assert rows["ssh_username"] == ["ssh_username", "elroy", str(config), "[profiles.prod]"]
    assert rows["ssh_timeout"] == ["ssh_timeout", "3.0", "FLEETCTL_SSH_TIMEOUT"]
    assert rows["etcd_password"] == ["etcd_password", "********", "FLEETTUI_ETCD_PASSWORD"]
    assert rows["observe"] == ["observe", "true", str(config), "[profiles.prod]"]
    assert "note: FLEETCTL_DEBUG changes nothing" in text
    status, text = said(*argv, "--json", **variables)
    assert "hunter2" not in text
    document = json.loads(text)
    assert (document["profile"], document["profile_from"]) == ("prod", "FLEETTUI_PROFILE")
    assert [one["key"] for one in document["settings"]] == [*rows][
        1 : 1 + len(document["settings"])
    ]


def test_a_doctor_tells_of_settings_that_are_of_no_use(tmp_path: Path) -> None:
    (tmp_path / "fleettui").mkdir()
    (tmp_path / "fleettui" / "config.toml").write_text("ssh_port = 'x'\n")
    status, text = said("doctor", XDG_CONFIG_HOME=str(tmp_path))
    assert status == 1
    assert "WRONG  settings: " in text
    assert "config.toml: ssh_port: expected a whole number from 1 to 65535, not 'x'" in text
    assert text.splitlines()[-1].startswith("1 thing is wrong, at 20")


def test_the_version_comes_with_those_of_the_libraries() -> None:
    status, text = said("--version")
    assert status == 0
    first, *libraries = text.splitlines()
    assert first == f"fleettui {__version__}"
    assert {"textual", "asyncssh", "python-etcd"} <= {line.split()[0] for line in libraries}
    assert all(line.split()[1][0].isdigit() for line in libraries)


def test_a_shell_completes_commands_options_and_profiles(tmp_path: Path) -> None:
    status, script = said("completion", "bash")
    assert status == 0
    assert "complete -o nosort -F _fleettui_completion fleettui" in script
    (tmp_path / "fleettui").mkdir()
    (tmp_path / "fleettui" / "config.toml").write_text("[profiles.prod]\n[profiles.test]\n")

    def completions(words: str) -> list[str]:
        asked = {"COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        variables = {"_FLEETTUI_COMPLETE": "bash_complete", "XDG_CONFIG_HOME": str(tmp_path)}
        return said(**asked, **variables)[1].splitlines()

    assert "plain,doctor" in completions("fleettui d")
    assert completions("fleettui --obs") == ["plain,--observe"]
    assert completions("fleettui --profile p") == ["plain,prod"]


def test_the_first_screen_says_what_is_missing() -> None:
    settings = {f"{family}_{name}": "" for family in ("FLEETTUI", "FLEETCTL") for name in MISSING}
    with run_in_terminal([*FLEETTUI], env=settings) as terminal:
        terminal.until(b"No endpoint was given", 60)
        terminal.until(b"fleettui doctor")
        terminal.press(b"q")
        terminal.read(10)
        assert terminal.process.wait(5) == 0
        assert b"Traceback" not in terminal.output


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
