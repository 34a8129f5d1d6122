"""What is to be done, as data: looked at, weighed and laid out in steps; nothing here acts."""
