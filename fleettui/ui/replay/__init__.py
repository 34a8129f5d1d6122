"""The console on a recording."""
