"""fleetd versions, as machines publish them."""

import re

Version = tuple[int, int, int]


def parse_version(text: str) -> Version | None:
    """`0.10.2` or `1.0.0+build` as three integers; None for what is no fleetd version."""
    found = re.match(r"v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?![\d.])", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None
