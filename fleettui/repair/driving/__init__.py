"""A repair as it happens: its steps driven in their one order, each act read back."""
