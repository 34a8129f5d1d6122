"""A recorded session once more: the same screens, without a network."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fleettui.cli.session import need_terminal
from fleettui.cli.source import SettingsSource
from fleettui.model.untrusted import visible

if TYPE_CHECKING:
    from fleettui.recording.player import Player


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--speed",
    type=click.FloatRange(0.25, 64),
    default=1.0,
    show_default=True,
    help="How many times faster than it was; F7 and F8 change it.",
)
@click.option("--paused", is_flag=True, help="Begin paused: F6 steps, F5 goes on.")
@click.option("--partial", is_flag=True, help="Replay what can be read of a file that was cut off.")
@click.pass_obj
def replay(source: SettingsSource, file: Path, speed: float, paused: bool, partial: bool) -> None:
    """Replay the session that --record wrote into FILE, in the console.

    Nothing is asked of any network, and nothing can be changed.
    """
    from fleettui.recording.file import BadRecording, open_recording
    from fleettui.recording.player import Player

    source.refuse_record("replay")
    try:
        recording = open_recording(file, even_cut=partial)
    except BadRecording as bad:
        raise click.ClickException(str(bad)) from bad
    except OSError as disk:
        raise click.ClickException(f"{visible(str(file))}: {disk.strerror or disk}.") from disk
    need_terminal()
    player = Player(recording, speed=speed, paused=paused)
    asyncio.run(_replayed(player, source.looks()))


async def _replayed(player: "Player", chosen: dict[str, Any]) -> None:
    from fleettui.cli.session import check_keys, records_folder
    from fleettui.model.clock import living_by
    from fleettui.recording.replayed import replayed
    from fleettui.ui.replay.app import ReplayApp
    from fleettui.ui.themes import looks

    check_keys(chosen["keys"])
    seen = looks(chosen["theme"], is_ascii=chosen["ascii"])
    with living_by(player.now):
        app = ReplayApp(replayed(player), records_folder(), player, seen, chosen["keys"])
        await app.run_async()
    if app.return_code:
        raise SystemExit(app.return_code)
