"""Questions and help: screens that return a value and do nothing themselves."""
