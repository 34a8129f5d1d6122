"""The program: `python -m fleettui`, and the script that pip installs."""

import gc
import os

FPS = "240"
"""Paintings a second at most, for Textual: behind one the next waits for one to two periods of it,
4 to 8 ms. What comes often (writes, lines of a journal) is painted at our own pace in any case."""


def main() -> None:
    """Load the command line, and obey it.

    Nothing of what is loaded becomes garbage, and none of it is ever looked through for any.
    """
    gc.disable()
    os.environ.setdefault("TEXTUAL_FPS", FPS)  # Textual reads it as it is loaded
    from fleettui.cli import main as obey  # noqa: PLC0415 - after the line above

    gc.freeze()
    gc.enable()
    obey()


if __name__ == "__main__":
    main()
