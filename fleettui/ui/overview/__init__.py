"""The overview: the whole cluster at a glance, for the wall and for the first look."""
