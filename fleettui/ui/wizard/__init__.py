"""The repair wizard: locate, delete, reload, restart, verify."""
