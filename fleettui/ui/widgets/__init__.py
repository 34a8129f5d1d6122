"""Widgets that draw line by line, with a scroll offset of their own."""
