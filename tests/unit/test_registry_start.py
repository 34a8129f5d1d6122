"""What a start has imported: what sends the first read, then what paints, and nothing besides."""

import subprocess
import sys

LATE = ("asyncssh", "etcd", "dns", "urllib3")
PROGRAM = """
import sys
from msgspec.structs import replace
from pathlib import Path
from fleettui.cli import Settings, build
from fleettui.ui.app import FleetApp

class Looking:
    def follow(self, sink):
        app.call_after_refresh(self.look)
    def look(self):
        app.exit(" ".join(name for name in sys.argv[1:] if name in sys.modules))
    def follow_lock(self, sink):
        pass

settings = Settings(
    endpoints=("http://127.0.0.1:9",), prefix="/f", username="core", port=None, identities=(),
    known_hosts_file=Path("/nonexistent"), observe=True,
)
app = FleetApp(replace(build(settings), registry=Looking()), Path("/nonexistent/repairs"))
print("imported:", app.run(headless=True))
"""


def imported_at_first_paint() -> list[str]:
    """Which of the late modules are imported when the app begins to follow the registry."""
    argv = (sys.executable, "-c", PROGRAM, *LATE)
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return said.rpartition("imported:")[2].split()


def test_neither_etcd_nor_ssh_is_imported_before_the_first_paint() -> None:
    assert imported_at_first_paint() == []


BEFORE_THE_READ = """
import sys
import fleettui.cli
from fleettui.registry.ahead import send_ahead
print(*(name for name in sys.modules if name.partition(".")[0] in {"asyncio", "fleettui"}))
"""
NEEDLESS = (
    "asyncio", "fleettui.access", "fleettui.diagnosis", "fleettui.ui",
    "fleettui.registry.image", "fleettui.registry.follow",
)  # fmt: skip # one a line reads worse
"""What decodes and follows comes while etcd works."""


def test_nothing_is_imported_before_the_first_read_is_sent_that_sending_does_without() -> None:
    argv = (sys.executable, "-c", BEFORE_THE_READ)
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
    assert "fleettui.registry.forerunner" in said
    assert [name for name in said if name.startswith(NEEDLESS)] == []
