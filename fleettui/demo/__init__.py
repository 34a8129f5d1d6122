"""An embedded fleet cluster, spoken to over the protocols of a real one."""
