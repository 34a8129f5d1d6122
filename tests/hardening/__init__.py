"""What must hold when things go wrong, tried at length: run by hand, and in short by the tests."""

import sys
from pathlib import Path

# The hands of the tests, where this is run as a program.
for _folder in ("", "io", "ui", "unit"):
    _path = str(Path(__file__).parents[1] / _folder)
    if _path not in sys.path:
        sys.path.append(_path)
