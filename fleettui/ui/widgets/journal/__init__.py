"""The journal pane: the lines of one journal or of many, received to the last one."""

from fleettui.ui.widgets.journal.pane import JournalPane

__all__ = ["JournalPane"]
