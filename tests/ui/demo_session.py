"""A console on a demo cluster, built as the command line builds it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from fleettui.access import Observer
from fleettui.cli import build, demo_settings
from fleettui.demo.cluster import DemoCluster, DemoSettings
from fleettui.ui.app import FleetApp

TEMPLATE = "zookeeper@.service"
JOB = f"job/{TEMPLATE}"


@asynccontextmanager
async def console(
    demo: DemoCluster, folder: Path, *, observe: bool = False, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Pilot[None]]:
    """The app on `demo`; its records go to `folder`."""
    access = access_to(demo, observe=observe)
    app = FleetApp(access, folder)
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            yield pilot
    finally:
        await access.registry.close()
        await access.hosts.close()


def access_to(demo: DemoCluster, *, observe: bool = False) -> Observer:
    """A session's rights, from the settings that `fleettui demo` uses."""
    return build(demo_settings(demo, observe=observe))


def quick(**wanted: object) -> DemoSettings:
    """A demo whose agents beat faster, so that a test need not wait for their timers."""
    return DemoSettings(ttl=6, lease_ttl=4, **wanted)  # type: ignore[arg-type]  # passed through
