"""What the wizard says, as content; pure, and each theme in a module of its own."""
