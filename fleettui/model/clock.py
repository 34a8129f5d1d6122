"""Our own clock."""

from datetime import UTC, datetime


def now() -> datetime:
    """UTC."""
    return datetime.now(UTC)
