"""Watching: looking again and again until what must be true is, telling each look."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fleettui.access import HostUnreachable, RegistryUnavailable
from fleettui.model.untrusted import Untrusted
from fleettui.repair.driving.ledger import Failure
from fleettui.repair.driving.pace import Pace
from fleettui.repair.records.outcome import Check, Progress, Result, Told

Look = Callable[[], Awaitable[Progress]]


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told, and how patient one is."""

    tell: Callable[[Told], None]
    pace: Pace

    async def until(self, look: Look, within: float, patience: float = 0) -> Progress:
        """Look until every required check is met, for `within` seconds at most.

        From then on the other checks get `patience` seconds. A look that fails is looked again.
        Returns the last look; raises Failure.
        """
        deadline, rest = self.pace.clock() + within, None
        while True:
            seen, lost = await self._looked(look)
            self.tell(seen)
            unmet = [check for check in seen.checks if not check.met]
            now = self.pace.clock()
            if not any(check.required for check in unmet):
                rest = now + patience if rest is None else rest
                if not unmet or now >= rest:
                    return seen
            elif now > deadline:
                result = Result.UNKNOWN if lost else Result.FAILED
                raise Failure(result, f"not within {within:.0f} s: {_named(unmet)}")
            await self.pause()

    async def pause(self) -> None:
        """Wait until it is time to look again."""
        await asyncio.sleep(self.pace.look_every)

    async def _looked(self, look: Look) -> tuple[Progress, bool]:
        """One look, and whether nothing could be seen."""
        try:
            return await look(), False
        except (RegistryUnavailable, HostUnreachable) as error:
            check = Check("could not look", met=False, detail=Untrusted(str(error)))
            return Progress((check,)), True


def _named(unmet: list[Check]) -> str:
    return "; ".join(f"{c.name}: {c.detail.raw}" for c in unmet if c.required)
