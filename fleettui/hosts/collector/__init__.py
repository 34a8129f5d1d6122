"""Journals received and decoded in a process of their own, where their lines are many."""
