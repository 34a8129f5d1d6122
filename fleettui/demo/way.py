"""One machine's way to the registry, and what may stand in it."""

from collections.abc import Callable
from typing import Unpack

from fleettui.demo.fleet_jobs import Registry, SetOptions


class Way:
    """Passes everything on. A fault puts something of its own in the place of `registry`."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def read(self, key: str) -> dict[str, str]:
        return self.registry.read(key)

    def write(self, key: str, value: str, **options: Unpack[SetOptions]) -> bool:
        return self.registry.write(key, value, **options)

    def delete(self, key: str, *, prev_value: str | None = None) -> bool:
        return self.registry.delete(key, prev_value=prev_value)


class Barred(Way):
    """A way on which some requests fail."""

    def __init__(self, registry: Registry, why: Callable[[str, bool], str | None]) -> None:
        """`why` gets the key and whether it is to be written; None lets the request pass."""
        super().__init__(registry)
        self._why = why

    def read(self, key: str) -> dict[str, str]:
        self._check(key, writes=False)
        return super().read(key)

    def write(self, key: str, value: str, **options: Unpack[SetOptions]) -> bool:
        self._check(key, writes=True)
        return super().write(key, value, **options)

    def delete(self, key: str, *, prev_value: str | None = None) -> bool:
        self._check(key, writes=True)
        return super().delete(key, prev_value=prev_value)

    def _check(self, key: str, *, writes: bool) -> None:
        why = self._why(key, writes)
        if why is not None:
            raise OSError(why)
