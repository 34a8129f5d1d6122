"""The pane as text at three sizes, in every state that an operator meets.

A changed screen is written anew by `WRITE_SNAPSHOTS=1 pytest tests/ui/test_journal_snapshots.py`,
and read in the diff.
"""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from driving import screen_text, until
from fakes import MACHINES
from journal_pane import Journals, entry, night, notice, pane_app
from textual.pilot import Pilot

from fleettui.model.host import NoticeKind
from fleettui.ui.widgets.journal import JournalPane

FOLDER = Path(__file__).parent / "snapshots" / "journal"
SIZES = [(80, 24), (120, 40), (200, 60)]

State = Callable[[Pilot[None], JournalPane], Awaitable[None]]


async def following(pilot: Pilot[None], pane: JournalPane) -> None:
    await until(pilot, "following")


async def paused(pilot: Pilot[None], pane: JournalPane) -> None:
    await pilot.press("c", "k", "k", "pageup")
    pane.take([entry("INFO a.go:1: new", 50), entry("ERROR a.go:2: new and wrong", 51)])
    await until(pilot, "+2 new, 1 error")


async def merged(pilot: Pilot[None], pane: JournalPane) -> None:
    await pilot.press("m", "z", "z")
    await until(pilot, "3 machines")


async def filtered(pilot: Pilot[None], pane: JournalPane) -> None:
    await pilot.press("F", *"etcd", "enter", "plus")
    await until(pilot, "etcd watcher")


async def unfolded(pilot: Pilot[None], pane: JournalPane) -> None:
    await pilot.press("c")
    await until(pilot, "unfolded")


async def lost(pilot: Pilot[None], pane: JournalPane) -> None:
    reason = "the connection to 172.17.8.101 was lost: Connection timed out"
    pane.take([notice(NoticeKind.LOST, reason, 60)])
    gap = "lines may be missing: the journal of 172.17.8.101 no longer has the line read last"
    pane.take([notice(NoticeKind.CONNECTED, "following fleet.service", 70)])
    pane.take([notice(NoticeKind.GAP, gap, 71), entry("INFO a.go:1: after the gap", 72)])
    pane.take([notice(NoticeKind.LOST, reason, 80)])
    await until(pilot, "connection lost")


async def refused(pilot: Pilot[None], pane: JournalPane) -> None:
    pane.watch_machine(MACHINES[2])
    await until(pilot, "systemd-journal")


STATES: dict[str, State] = {
    "following": following,
    "paused": paused,
    "merged": merged,
    "filtered": filtered,
    "unfolded": unfolded,
    "lost": lost,
    "refused": refused,
}
MAY_NOT = (
    "core is not in group systemd-journal on 172.17.8.103; have it added there "
    "(journalctl: No journal files were found.)"
)


def journals() -> Journals:
    """The third machine lets nobody read."""
    first, second, third = MACHINES
    told = [
        notice(NoticeKind.CONNECTED, "following fleet.service", 0),
        notice(NoticeKind.REFUSED, MAY_NOT, 1),
        notice(NoticeKind.ENDED, "journalctl on 172.17.8.103 ended with status 1", 2),
    ]
    return Journals({first.id: night(), second.id: night(0.5), third.id: told})


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", STATES)
async def test_the_pane_looks_as_it_was_approved(state: str, size: tuple[int, int]) -> None:
    async with pane_app(journals(), size=size, root=Journals()) as (pilot, pane):
        await STATES[state](pilot, pane)
        await pilot.pause()
        shown = "\n".join(line.rstrip() for line in screen_text(pilot).splitlines()) + "\n"
    file = FOLDER / f"{state}-{size[0]}x{size[1]}.txt"
    if os.environ.get("WRITE_SNAPSHOTS"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(shown)
    assert shown == file.read_text()
