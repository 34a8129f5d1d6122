"""The console in the terminal it is given, with a count of what it holds, a line each second.

Usage: python soak_app.py SETTINGS COUNTS (JSON as `soak` writes it, and the file of the counts).
"""

import asyncio
import gc
import json
import signal
import sys
import threading
from collections import Counter
from pathlib import Path

from fleettui.cli.session import Settings, console
from fleettui.model.cluster import Link
from fleettui.ui import app
from fleettui.ui.picture import Picture

sys.path.append(str(Path(__file__).parents[1]))

from hardening.measure import files_by_kind, open_files, resident_mb

TYPES_TOLD = 400


class SoakedApp(app.FleetApp):
    """The app, which tells what it holds."""

    CSS_PATH = str(Path(app.__file__).with_name("app.tcss"))

    def on_mount(self) -> None:
        super().on_mount()
        self._counts = Path(sys.argv[2]).open("a", buffering=1)  # noqa: SIM115 - until the end
        self.set_interval(1.0, self._count)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._tell_objects)

    def _count(self) -> None:
        counts = {
            "mb": resident_mb(),
            "files": open_files(),
            "tasks": len(asyncio.all_tasks()),
            "threads": threading.active_count(),
        }
        self._counts.write(json.dumps({**counts, **_shown(self.picture)}) + "\n")

    def _tell_objects(self) -> None:
        """Objects by type, tasks by what they do, and files by kind, each as a line of JSON."""
        gc.collect()
        types = Counter(type(o).__qualname__ for o in gc.get_objects())
        tasks = Counter(_name(task) for task in asyncio.all_tasks())
        told = (dict(types.most_common(TYPES_TOLD)), tasks, files_by_kind())
        with Path(f"{sys.argv[2]}.objects").open("a") as file:
            file.write(json.dumps(told) + "\n")


def _shown(picture: Picture) -> dict[str, int]:
    """How much of the cluster is there to be seen."""
    snapshot = picture.snapshot
    if snapshot is None or picture.view.link is not Link.LIVE:
        return {"machines": 0, "units": 0}
    probed = sum(picture.facts(machine_id) is not None for machine_id in snapshot.machines)
    return {"machines": probed, "units": sum(bool(u.states) for u in snapshot.units.values())}


def _name(task: "asyncio.Task[object]") -> str:
    return getattr(task.get_coro(), "__qualname__", task.get_name())


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
