"""Hostile unit names: 60 by hand and 2,000 generated, offered to every command and every write."""

import asyncio
import shlex
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import pytest
from faults.fake_etcd import FakeEtcd, Reply
from hostile_names import BY_HAND, generated
from unit_folders import NAME, SHELLS, TEXT, UnitFolders, run

from fleettui import commands
from fleettui.access import RegistryUnavailable, WriteRefused, WriteUnknown
from fleettui.commands import Command, journal, shell_text
from fleettui.model.cluster import TargetState
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS
from fleettui.model.names import refusal
from fleettui.model.untrusted import Untrusted
from fleettui.registry.connect import connect_writer

NAMES = tuple(dict.fromkeys((*BY_HAND, *generated(2_000))))
ONLY_PATHS = {*(name for name in BY_HAND if {"/", "\0"} & {*name}), "", ".", ".."}
SHA = "0f" * 32
MAKERS = (
    lambda name: commands.remove_file(name, SHA, "token"),
    lambda name: commands.remove_link(name, "token"),
    lambda name: commands.copy_file(FLEET_UNITS, name),
    lambda name: commands.copy_file(SYSTEMD_UNITS, name),
    lambda name: commands.restore_file(name, SHA, "token"),
    lambda name: commands.restore_link(name, "token"),
    commands.start_unit,
    journal.follow_journal,
)


def made(name: str) -> list[Command]:
    """The commands that are made for a name; none where it is refused."""
    found = []
    for make in MAKERS:
        with suppress(ValueError):
            found.append(make(name))
    return found


def test_a_name_is_refused_with_a_reason_or_travels_byte_for_byte_as_one_argument() -> None:
    acted_on = 0
    for name in NAMES:
        all_made = made(name)
        assert bool(all_made) is (refusal(name) is None), ascii(name)
        for command in all_made:
            argv = shlex.split(shell_text(command))
            assert argv == list(command.argv)
            assert name in argv or any(word.endswith(f"/{name}") for word in argv), ascii(name)
        acted_on += bool(all_made)
    assert len(set(BY_HAND)) >= 60
    assert len(NAMES) >= 60 + 2_000
    assert 50 < acted_on < len(NAMES) / 2


TELLING = r"""
PATH=/nonexistent
sudo() { printf '%s\0' sudo "$@" @; }
sh() { printf '%s\0' sh "$@" @; }
"""
"""Ahead of command lines: what they would run is told, each command's end by an @."""


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_runs_the_one_command_with_the_name_as_it_is_and_nothing_else(shell: str) -> None:
    wanted = [command.argv for name in NAMES for command in made(name)]
    text = "\n".join(shell_text(command) for name in NAMES for command in made(name))
    stdin = (TELLING + text).encode("utf-8", "surrogateescape")
    ran = run(shell, 'eval "$(cat)"', (), stdin=stdin)
    told = ran.stdout.decode("utf-8", "surrogateescape").split("\0@\0")
    assert ran.stderr == b""
    assert [tuple(one.split("\0")) for one in told[:-1]] == wanted
    assert len(wanted) > 1_000


def test_a_name_that_is_no_path_takes_that_one_file_even_where_none_is_refused(
    tmp_path: Path,
) -> None:
    """The script on a machine is asked for each name by hand, as if nothing had been checked."""
    units = UnitFolders(tmp_path.resolve(), SHELLS[0])
    (units.systemd / "bar.service").write_bytes(TEXT)
    names = sorted({*BY_HAND} - ONLY_PATHS)
    for name in (name for name in names if len(name) < 256):
        (units.fleet / name).write_bytes(TEXT)
        assert units.remove_file(name).startswith("removed\n"), ascii(name)
    for name in sorted(ONLY_PATHS | {"../systemd/bar.service"}):
        if "\0" not in name:
            assert units.remove_file(name).startswith("refused\n"), ascii(name)
    assert len(names) > 50
    assert sorted(path.name for path in units.systemd.iterdir()) == ["bar.service", NAME]
    assert [path.name for path in units.fleet.iterdir()] == [NAME]


def test_no_request_to_etcd_has_a_question_mark_a_hash_or_dots_out_of_a_name() -> None:
    """Every write of a repair and every key, on the names as they are."""

    def refuse(method: str, path: str) -> Reply:
        return Reply(412, b'{"errorCode":101,"message":"Compare failed","cause":"x"}')

    async def offer(url: str) -> int:
        writer = connect_writer([url], "/_coreos.com/fleet")
        sent = 0
        for name in NAMES:
            unit = Untrusted(name)
            for write in (
                writer.set_target_state(unit, "loaded", TargetState.INACTIVE),
                writer.delete_key((Untrusted("states"), unit, Untrusted("m1")), 5),
            ):
                with suppress(WriteRefused, WriteUnknown, RegistryUnavailable, ValueError):
                    sent += 1
                    await write
        return sent

    with FakeEtcd(refuse) as server:
        asyncio.run(offer(server.url))
    assert len(server.asked) > 50
    for _, path in server.asked:
        key, _, query = path.partition("?")
        assert "#" not in path
        assert "?" not in query
        assert "recursive" not in query
        segments = key.split("/")
        assert ".." not in segments
        assert ".." not in [unquote(segment) for segment in segments]
        assert len(segments) in {5, 8}, path  # is it there at all; job/NAME/target-state
