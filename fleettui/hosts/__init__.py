"""Machines over SSH: sessions, journals, probes, and the hands that change a machine."""
