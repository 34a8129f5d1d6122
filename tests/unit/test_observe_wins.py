"""The strictest setting wins, in every combination; a wish that cannot be read starts nothing."""

import socket
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleettui.cli import cli
from fleettui.cli.config_file import read_config
from fleettui.cli.resolve import Given, Sources, observe_of, resolve

FLAG = (False, True)
VARIABLE = (None, "", "0", "false", "1", "true", "yes")
FILE = (None, "false", "true")


def sources(
    folder: Path, flag: bool, variable: str | None, top: str | None, profile: str | None
) -> Sources:
    """What one start is given."""
    lines = [f"observe = {top}"] if top else []
    lines += ["[profiles.p]", *([f"observe = {profile}"] if profile else [])]
    path = folder / "config.toml"
    path.write_text("\n".join(lines) + "\n")
    environment = {} if variable is None else {"FLEETTUI_OBSERVE": variable}
    return Sources(Given({}, observe=flag, profile="p"), environment, read_config(path))


def test_one_that_wants_an_observer_is_enough_in_every_combination(tmp_path: Path) -> None:
    for flag, variable, top, profile in product(FLAG, VARIABLE, FILE, FILE):
        wants = flag, variable in {"1", "true", "yes"}, top == "true", profile == "true"
        given = sources(tmp_path, flag, variable, top, profile)
        assert resolve(given).observe is any(wants), (flag, variable, top, profile)
        origin = observe_of(given).origin
        assert ("--observe" in origin, "FLEETTUI_OBSERVE" in origin) == wants[:2]


@pytest.mark.parametrize("variable", ["maybe", "2", "on please", "tru", "\x1b[0m"])
def test_a_wish_that_cannot_be_read_starts_nothing(tmp_path: Path, variable: str) -> None:
    for flag, top in product(FLAG, FILE):
        with pytest.raises(ValueError, match="FLEETTUI_OBSERVE"):
            resolve(sources(tmp_path, flag, variable, top, None))


@pytest.mark.parametrize("word", ["'yes'", "1", "maybe", "[]", "nan"])
def test_a_config_file_that_cannot_be_read_starts_nothing(tmp_path: Path, word: str) -> None:
    for top, profile in ((word, None), (None, word)):
        with pytest.raises(ValueError, match=r"observe|config"):
            resolve(sources(tmp_path, FLAG[0], None, top, profile))


@pytest.mark.parametrize("command", [(), ("demo",), ("repair",), ("repair", "--dry-run")])
@pytest.mark.parametrize("wish", ["variable", "file", "profile", "no file"])
def test_no_command_starts_as_what_it_was_not_asked_to_be(
    command: tuple[str, ...], wish: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wish of an observer that cannot be honoured ends the program before it reaches anybody."""

    def refused(*args: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr("fleettui.cli.need_terminal", lambda: None)
    folder = tmp_path / "fleettui"
    folder.mkdir()
    texts = {"file": "observe = 'maybe'\n", "profile": "[profiles.p]\nobserve = 'maybe'\n"}
    (folder / "config.toml").write_text(texts.get(wish, ""))
    variables = {"XDG_CONFIG_HOME": str(tmp_path), "HOME": str(tmp_path), "TERM": "xterm"}
    if wish == "variable":
        variables["FLEETTUI_OBSERVE"] = "maybe"
    flags = ("--profile", "audit") if wish == "no file" else ()
    ended = CliRunner(env=variables).invoke(cli, [*flags, *command])
    assert ended.exit_code == 2, ended.output
    said = {"variable": "FLEETTUI_OBSERVE", "no file": "no profile"}.get(wish, "observe")
    assert said in ended.output
