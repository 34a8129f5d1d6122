"""The order of the tests: of those that take minutes none begins when all others have ended."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Have each worker begin with some of the tests that were given more time than others.

    xdist gives each as many as the next, in their order; what is left at the end, others steal.
    """
    workers = int(getattr(config, "workerinput", {}).get("workercount", 1))
    longest_first = sorted(filter(_seconds, items), key=_seconds, reverse=True)
    others = [item for item in items if not _seconds(item)]
    ordered: list[pytest.Item] = []
    for worker in range(workers):
        left = workers - worker
        share = (len(items) - len(ordered)) // left
        first = longest_first[worker::workers]
        ordered += first
        ordered += others[: share - len(first)]
        del others[: share - len(first)]
    items[:] = ordered


def _seconds(item: pytest.Item) -> float:
    """The time that a test was given for itself; 0 = that of all."""
    given = item.get_closest_marker("timeout")
    return float(given.args[0]) if given else 0.0
