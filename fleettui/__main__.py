"""The program: `python -m fleettui`, and the script that pip installs."""

import gc
import os

FPS = "120"
"""Paintings a second at most: half as long from a key to its effect as with Textual's sixty."""


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
