"""The offer, at the start, to go on with a repair that was left."""

import asyncio
from pathlib import Path

from textual.app import App

from fleettui.access import ClusterAddress
from fleettui.repair.records.past import past_repairs
from fleettui.ui.dialogs.question import QuestionScreen
from fleettui.ui.paint import paint_lines
from fleettui.ui.repairs.rows import is_left, left_lines


async def record_to_resume(app: App[None], cluster: ClusterAddress, records: Path) -> Path | None:
    """Ask about the newest repair that was left on this cluster; its record, where it is a yes."""
    repairs = await asyncio.to_thread(past_repairs, records)
    left = [past for past in repairs if is_left(past, cluster)]
    if not left:
        return None
    words = paint_lines(left_lines(left[0], others=len(left) - 1))
    is_wanted = await app.push_screen_wait(QuestionScreen(words, yes="Resume", no="Later"))
    return left[0].path if is_wanted else None
