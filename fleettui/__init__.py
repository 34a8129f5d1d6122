"""A full-screen console for CoreOS fleet clusters: locate, delete, reload, restart, verify."""

__version__ = "0.1.0"
