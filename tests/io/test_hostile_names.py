"""Hostile unit names: 60 by hand and 2,000 generated, offered to every command and every write."""

import asyncio
import shlex
from contextlib import suppress
from urllib.parse import unquote

from faults.fake_etcd import FakeEtcd, Reply
from hostile_names import BY_HAND, generated

from fleettui import commands
from fleettui.access import RegistryUnavailable, WriteRefused, WriteUnknown
from fleettui.commands import Command, journal, shell_text
from fleettui.model.cluster import TargetState
from fleettui.model.host import FLEET_UNITS, SYSTEMD_UNITS
from fleettui.model.names import refusal
from fleettui.model.untrusted import Untrusted
from fleettui.registry.connect import connect_writer

NAMES = tuple(dict.fromkeys((*BY_HAND, *generated(2_000))))
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
    assert len(BY_HAND) >= 60
    assert 50 < acted_on < len(NAMES) / 2


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
