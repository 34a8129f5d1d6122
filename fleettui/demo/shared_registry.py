"""The registry as all simulated machines share it: a past kept in memory, then etcd itself."""

import time
from typing import Unpack

from fleettui.demo.fleet_jobs import SetOptions, is_as_expected
from fleettui.demo.http_registry import HttpRegistry


class SharedRegistry:
    """One connection to etcd for every fleetd of the demo, used from one thread.

    What was read is taken as true for `keep` seconds, so that a hundred agents cost etcd no more
    than one does. Comparisons are always etcd's own.
    """

    def __init__(self, keep: float) -> None:
        self._keep = keep
        self._etcd: HttpRegistry | None = None
        self._sections: dict[str, dict[str, str]] = {}
        self._ttls: dict[str, int] = {}
        self._read: dict[str, tuple[float, dict[str, str]]] = {}

    def pour_into(self, etcd: HttpRegistry) -> None:
        """Write everything kept so far to etcd, TTLs starting now, and work there from here on."""
        for section in self._sections.values():
            for key, value in section.items():
                etcd.write(key, value, ttl=self._ttls.get(key))
        self._etcd = etcd

    def read(self, key: str) -> dict[str, str]:
        """Every value at and under `key`; callers must not change it."""
        if self._etcd is None:
            section = self._section(key)
            if key in self._sections:
                return section
            return {k: v for k, v in section.items() if _is_under(k, key)}
        now = time.monotonic()
        at, found = self._read.get(key, (float("-inf"), {}))
        if now - at >= self._keep:
            found = self._etcd.read(key)
            self._read[key] = (now, found)
        return found

    def write(self, key: str, value: str, **options: Unpack[SetOptions]) -> bool:
        if self._etcd is None:
            return self._remember(key, value, options)
        done = self._etcd.write(key, value, **options)
        self._note(key, value if done else None)
        return done

    def delete(self, key: str, *, prev_value: str | None = None) -> bool:
        if self._etcd is None:
            section = self._section(key)
            found = [k for k in section if _is_under(k, key)]
            for k in found:
                del section[k]
            return bool(found)
        done = self._etcd.delete(key, prev_value=prev_value)
        self._note(key, None)
        return done

    def _remember(self, key: str, value: str, options: SetOptions) -> bool:
        section = self._section(key)
        if not is_as_expected(section.get(key), options):
            return False
        section[key] = value
        if (ttl := options.get("ttl")) is not None:
            self._ttls[key] = ttl
        return True

    def _section(self, key: str) -> dict[str, str]:
        return self._sections.setdefault(key.split("/", 1)[0], {})

    def _note(self, key: str, value: str | None) -> None:
        """Keep what was read in step with what we wrote; forget it where that is not clear."""
        for root, (_, found) in list(self._read.items()):
            if not _is_under(key, root) and not _is_under(root, key):
                continue
            if value is None or not _is_under(key, root):
                del self._read[root]
            else:
                found[key] = value


def _is_under(key: str, root: str) -> bool:
    return key == root or key.startswith(f"{root}/")
