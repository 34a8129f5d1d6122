"""The main screen: machines, units, journal and findings."""
