"""The console in the terminal it is given, with a count of what it holds, a line each second.

Usage: python soak_app.py SETTINGS COUNTS (JSON as `soak` writes it, and the file of the counts).
"""

import asyncio
import ctypes
import gc
import json
import signal
import sys
import threading
from collections import Counter
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any

from textual.cache import FIFOCache, LRUCache

from fleettui.cli.session import Settings, console
from fleettui.model.cluster import Link
from fleettui.ui import app
from fleettui.ui.picture import Picture

sys.path.append(str(Path(__file__).parents[1]))

from hardening.measure import allocated_mb, files_by_kind, open_files, resident_mb

TYPES_TOLD = 400
POOL = "asyncio_"
"""How the threads of the loop's own pool are called, which look up names and read files."""
FOLLOWERS = ("etcd stream ", "etcd proof ", "etcd watch")
"""How those are called that bring what happens, by a connection each: two a folder, or one poll
where streams died."""
_WAITING = ("FutureIter", "Queue.get", "sleep", "Event.wait", "coroutine_wrapper")
"""What all that waits ends in."""


class SoakedApp(app.FleetApp):
    """The app, which tells what it holds."""

    def on_mount(self) -> None:
        super().on_mount()
        self._counts = Path(sys.argv[2]).open("a", buffering=1)  # noqa: SIM115 - until the end
        self.set_interval(1.0, self._count)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._tell_held)

    def _count(self) -> None:
        names = [thread.name for thread in threading.enumerate()]
        pooled = sum(name.startswith(POOL) for name in names)
        following = sum(name.startswith(FOLLOWERS) for name in names)
        counts = {
            "files": open_files() - following,
            "tasks": len(asyncio.all_tasks()),
            "threads": len(names) - pooled - following,
            "pooled": pooled,
            "following": following,
        }
        self._counts.write(json.dumps({**counts, **_shown(self.picture)}) + "\n")

    def _tell_held(self) -> None:
        """Megabytes, and objects by type, tasks by what they do, files and threads by kind, as a
        line of JSON."""
        _let_go_of_what_is_bounded()
        memory = {"held": allocated_mb(), "resident": resident_mb()}
        types = Counter(type(o).__qualname__ for o in gc.get_objects())
        tasks = Counter(_name(task) for task in asyncio.all_tasks())
        threads = Counter(thread.name.rstrip("0123456789") for thread in threading.enumerate())
        objects = (dict(types.most_common(TYPES_TOLD)), tasks, files_by_kind(), threads)
        with Path(f"{sys.argv[2]}.held").open("a") as file:
            file.write(json.dumps({"memory": memory, "objects": objects}) + "\n")


def _let_go_of_what_is_bounded() -> None:
    """Empty each cache of fixed size, which fills up for hours, and give back what is free."""
    for thing in gc.get_objects():
        if isinstance(thing, _lru_cache_wrapper) and thing.cache_info().maxsize is not None:
            thing.cache_clear()
        elif isinstance(thing, LRUCache | FIFOCache):  # Textual's, of each line it painted
            thing.clear()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def _shown(picture: Picture) -> dict[str, int]:
    """How much of the cluster is there to be seen."""
    snapshot = picture.snapshot
    if snapshot is None or picture.view.link is not Link.LIVE:
        return {"machines": 0, "units": 0}
    probed = sum(picture.facts(machine_id) is not None for machine_id in snapshot.machines)
    return {"machines": probed, "units": sum(bool(u.states) for u in snapshot.units.values())}


def _name(task: "asyncio.Task[object]") -> str:
    """What a task does, and what it waits for in that."""
    inner: Any = task.get_coro()
    names = [getattr(inner, "__qualname__", task.get_name())]
    while (inner := getattr(inner, "cr_await", None)) is not None:
        names.append(getattr(inner, "__qualname__", type(inner).__name__))
    waits = next((name for name in reversed(names) if name not in _WAITING), "")
    return f"{names[0]} in {waits}"


def main() -> None:
    given = json.loads(Path(sys.argv[1]).read_text())
    settings = Settings(
        endpoints=(given["endpoint"],),
        prefix=given["prefix"],
        username=given["username"],
        port=given["port"],
        identities=(Path(given["identity"]),),
        known_hosts_file=Path(given["known_hosts"]),
        observe=False,
        own_known_hosts=Path(given["records"]) / "accepted",
    )
    app.FleetApp = SoakedApp  # type: ignore[misc] # what the console opens, and hangs up behind
    asyncio.run(console(settings, Path(given["records"])))


if __name__ == "__main__":
    main()
