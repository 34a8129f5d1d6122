"""Begins a repair of the model cluster, and goes on with it when its disk has become full.

Its arguments: the folder of records, `begin` or `go on`, and `limited` where files shall not grow
any more instead of the disk being full. It prints what was changed, and why it stopped.
"""

import asyncio
import json
import os
import resource
import signal
import sys
from pathlib import Path

from cluster_model import World
from repair_cases import opened, performed

from fleettui.repair.driving.run import CannotBegin
from fleettui.repair.planning.action import Stage


def fill(folder: Path) -> None:
    """Leave no room for another page."""
    if "limited" in sys.argv:
        size = max((file.stat().st_size for file in folder.iterdir()), default=1000)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        return
    with (folder / "filler").open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


async def main(folder: Path, when: str) -> None:
    world = World()
    try:
        if when == "begin":
            fill(folder)
        repair = await opened(world, folder)
        fill(folder)
        said = (await performed(repair, Stage.DELETE))[-1].said.raw
    except CannotBegin as reasons:
        said = str(reasons)
    changed = [call for call in world.calls if call not in {"sudo", "quarantine"}]
    state = (world.target_state, world.file, world.link)
    print(json.dumps({"said": said, "changed": changed, "state": state}))  # noqa: T201 - for a test


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
    os._exit(0)  # a full disk leaves nothing to tidy up
