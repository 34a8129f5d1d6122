"""Host keys as a collector judges them: by the same files, and asked about in the console."""

import asyncio
from collections.abc import Awaitable, Callable

from fleettui.hosts.hostkeys import HostKeys, ShownKey
from fleettui.hosts.settings import HostSettings

Settle = Callable[[ShownKey], Awaitable[None]]
"""Has a key accepted by the console, or raises HostUnreachable."""


class RelayedKeys(HostKeys):
    """Asks nobody and writes nothing itself."""

    def __init__(self, settings: HostSettings, settle: Settle) -> None:
        super().__init__(
            settings.known_hosts, settings.written_file, asyncio.Lock(), remember=False
        )
        self._settle = settle

    async def settle(self, shown: ShownKey) -> None:
        """Have the console accept an unknown key. Raises HostUnreachable where it does not."""
        await self._settle(shown)
        self._believe(shown)
