"""The program: `python -m fleettui`, and the script that pip installs."""

import gc


def main() -> None:
    """Load the command line, and obey it.

    Nothing of what is loaded becomes garbage, and none of it is ever looked through for any.
    """
    gc.disable()
    from fleettui.cli import main as obey  # noqa: PLC0415 - after the line above

    gc.freeze()
    gc.enable()
    obey()


if __name__ == "__main__":
    main()
