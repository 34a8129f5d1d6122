"""Sessions kept in a file and shown again: registry, machines and journals as they were told."""
