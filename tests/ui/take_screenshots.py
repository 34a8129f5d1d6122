"""Draw every screen into screenshots/, as SVG, all of them from fixed values.

Run it as `python tests/ui/take_screenshots.py`; a word after it draws only what begins with it.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "unit"))

from drawing import as_svg, strips_of
from scenes import LOOKS, Scene, file_name, played, turn
from wizard_scenes import EVERY

FOLDER = Path(__file__).parents[2] / "screenshots"


async def draw(scene: Scene) -> None:
    """In all sizes and themes."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        async with played(scene, Path()) as pilot:
            for size, theme in LOOKS:
                await turn(pilot, size, theme)
                picture = as_svg(pilot.app, strips_of(pilot.app))
                (FOLDER / file_name(scene.name, size, theme)).write_text(picture)
    sys.__stdout__.write(f"{scene.name}\n") if sys.__stdout__ else None


async def main(begin: str = "") -> None:
    FOLDER.mkdir(exist_ok=True)
    os.environ.pop("NO_COLOR", None)
    for scene in EVERY:
        if scene.name.startswith(begin):
            await draw(scene)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
