"""A plan as a POSIX shell script, to be run by hand."""
