"""The console in the terminal it is given, with a count of what it holds, a line each second.

Usage: python soak_app.py SETTINGS COUNTS (JSON as `soak` writes it, and the file of the counts).
"""

import asyncio
import json
import sys
import threading
from pathlib import Path

from fleettui.cli import build
from fleettui.cli.session import Settings
from fleettui.ui.app import FleetApp

sys.path.append(str(Path(__file__).parents[1]))

from hardening.measure import open_files, resident_mb


class SoakedApp(FleetApp):
    """The app, which tells what it holds."""

    CSS_PATH = str(Path(sys.modules[FleetApp.__module__].__file__ or "").with_name("app.tcss"))

    def count_into(self, path: Path) -> None:
        self._counts = path.open("a", buffering=1)
        self.set_interval(1.0, self._count)

    def _count(self) -> None:
        counts = {
            "mb": resident_mb(),
            "files": open_files(),
            "tasks": len(asyncio.all_tasks()),
            "threads": threading.active_count(),
        }
        self._counts.write(json.dumps(counts) + "\n")

    def on_mount(self) -> None:
        super().on_mount()
        self.count_into(Path(sys.argv[2]))


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
    app = SoakedApp(build(settings), Path(given["records"]))
    app.run()
    sys.exit(app.return_code)


if __name__ == "__main__":
    main()
