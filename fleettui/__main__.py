"""`python -m fleettui`."""

from fleettui.cli import main

main()
