"""Frozen values in fleet's words; pure, and imported by everything else."""
