"""`observer-setup` prints what a person is to read and run; it asks and changes nobody."""

import shlex
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from fleettui.cli import cli
from fleettui.commands.forced import forced_command


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Somebody without settings, and without a network."""

    def refused(*args: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refused)
    home = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    return CliRunner(env=home)


def said(runner: CliRunner, *argv: str) -> str:
    ended = runner.invoke(cli, argv)
    assert ended.exit_code == 0, ended.output
    return ended.output


def test_each_part_is_printed_alone_and_all_together(alone: CliRunner, tmp_path: Path) -> None:
    parts = {p: said(alone, "observer-setup", "--print", p) for p in ("curl", "etcdctl", "key")}
    script = said(alone, "observer-setup", "--print", "script")
    assert script == forced_command()
    whole = said(alone, "observer-setup")
    assert all(part in whole for part in (*parts.values(), script))
    assert all(line.startswith(("#", "ETCD=", "curl ")) for line in parts["curl"].splitlines())
    assert all(" -write" not in part for part in parts.values())
    assert list(tmp_path.iterdir()) == []


def test_what_is_printed_is_about_the_cluster_of_the_settings(
    alone: CliRunner, tmp_path: Path
) -> None:
    key = tmp_path / "key.pub"
    key.write_text("ssh-ed25519 AAAAC3Nza eve@desk\n")
    where = ("--endpoint", "https://10.0.0.1:2379", "--etcd-key-prefix", "/else/fleet")
    tunnel = ("--tunnel", "gate.example", "--ssh-username", "eve")
    argv = (*where, *tunnel, "observer-setup", "--user", "wall", "--public-key", str(key))
    text = said(alone, *argv)
    assert "ETCD=https://10.0.0.1:2379" in text
    assert '"/else/fleet*", "/fleettui*"' in text
    assert "v2/auth/users/wall" in text
    assert 'permitopen="10.0.0.1:2379"' in text
    lines = [line for line in text.splitlines() if line.startswith("restrict,command=")]
    assert [shlex.split(line)[1:] for line in lines] == [["ssh-ed25519", "AAAAC3Nza", "eve@desk"]]


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--user", "a'; reboot", "letters, digits"),
        ("--user", "", "letters, digits"),
        ("--user", "-u", "letters, digits"),
        ("--user", "..", "letters, digits"),
        ("--user", "root", "etcd's own"),
        ("--public-key", 'command="reboot" ssh-ed25519 AAAA', "holds no public key"),
        ("--public-key", "ssh-ed25519 AA\x1b[2J", "holds no public key"),
        ("--public-key", "", "holds no public key"),
        ("--public-key", "-----BEGIN OPENSSH PRIVATE KEY-----\nx\n", "holds no public key"),
    ],
)
def test_what_could_become_more_than_a_word_is_refused(
    alone: CliRunner, tmp_path: Path, option: str, value: str, words: str
) -> None:
    if option == "--public-key":
        (tmp_path / "key.pub").write_text(value)
        value = str(tmp_path / "key.pub")
    ended = alone.invoke(cli, ["observer-setup", option, value])
    assert ended.exit_code == 2
    assert words in ended.output
