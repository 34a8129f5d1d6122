"""Benchmarks of the product beside its peers, in one run; see README.md. Nothing is asserted."""

import sys
from pathlib import Path

# The hands that the tests drive etcd and the terminal with.
for _folder in ("io", "ui", "unit"):
    sys.path.insert(0, str(Path(__file__).parents[1] / _folder))
