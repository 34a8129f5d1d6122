"""One diagnosis without a screen, for scripts and cron."""
