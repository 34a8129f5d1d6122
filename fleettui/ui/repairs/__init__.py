"""Repairs of the past: their list, their reports, and going on with one that was left."""
