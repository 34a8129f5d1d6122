"""A cluster followed for a while before the one reading: some faults show only over time."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from fleettui.access import Observer
from fleettui.check.examine import Examination, Past, ask, examine, machines_to_ask
from fleettui.model.cluster import Machine, RegistryView, Snapshot

ROUND = timedelta(seconds=10)
"""From one round of questions to the next."""
ASKED_PER_SECOND = 5
"""A large cluster is asked at this pace, so that asking never becomes a load."""


async def watch(
    observer: Observer, span: timedelta, journal_since: str | None = None
) -> Examination:
    """Follow the registry and ask all machines round by round for `span`, then read everything.

    A round that has begun is seen through, so a machine that hangs makes it somewhat longer.
    Otherwise as `examine`; `journal_since` is for the last reading. Follows the registry, which
    can be done once: the caller closes it.
    """
    past = await _Watching(observer).go_on_for(span)
    return await examine(observer, journal_since, past)


class _Watching:
    """All that was seen so far."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._past = Past(datetime.now(UTC))
        self._has_read = asyncio.Event()

    async def go_on_for(self, span: timedelta) -> Past:
        """What was seen by then."""
        loop = asyncio.get_running_loop()
        end = loop.time() + span.total_seconds()

        def show(view: RegistryView) -> None:
            loop.call_soon_threadsafe(self._take, view)

        self._observer.registry.follow(show)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(end):
                await self._has_read.wait()
        while (begun := loop.time()) < end:
            asked = await self._ask_all()
            pause = max(ROUND.total_seconds(), asked / ASKED_PER_SECOND)
            await asyncio.sleep(min(begun + pause, end) - loop.time())
        return self._past

    def _take(self, view: RegistryView) -> None:
        """Each view counts, also one that is soon replaced: a machine may have been away in it."""
        if view.snapshot is not None:
            history = self._past.history.seen(view.snapshot)
            self._past = replace(self._past, history=history, snapshot=view.snapshot)
            self._has_read.set()

    async def _ask_all(self) -> int:
        """One round; how many machines were asked."""
        snapshot = self._past.snapshot
        machines = machines_to_ask(snapshot, self._past.history) if snapshot else ()
        await asyncio.gather(*(self._ask(machine, snapshot) for machine in machines if snapshot))
        return len(machines)

    async def _ask(self, machine: Machine, snapshot: Snapshot) -> None:
        report = await ask(self._observer.hosts, machine, snapshot)
        self._past = replace(self._past, history=self._past.history.told(report, machine))
