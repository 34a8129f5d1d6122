"""One cure a module: the plan against one fault, from what was just read; pure."""
