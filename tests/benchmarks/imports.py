"""P11: what is imported at the first paint, and what it would cost."""

import sys
from functools import partial

from test_registry_start import LATE, imported_at_first_paint

from .measure import Table, ms, quietly, timed


def at_first_paint() -> Table:
    imported = imported_at_first_paint()
    table = Table("P11  modules at the first paint", ("module", "imported", "a process that does"))
    for name in LATE:
        times = timed(partial(quietly, sys.executable, "-c", f"import {name}"))
        table.add(name, "yes" if name in imported else "no", ms(times))
    table.add("none", "-", ms(timed(lambda: quietly(sys.executable, "-c", ""))))
    table.notes.append("goal: none of them")
    return table
