"""Everything known about one machine, unit or finding."""
