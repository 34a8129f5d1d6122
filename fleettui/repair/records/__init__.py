"""What was done: outcomes, the record of each repair on disk, and the reports made from it."""
