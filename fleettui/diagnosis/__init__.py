"""What is wrong: one small pure rule a fault, from snapshot, host facts and journal to findings."""
