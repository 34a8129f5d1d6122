"""What is done about it: plans as data, their record on disk, and the run that drives them."""
