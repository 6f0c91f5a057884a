"""A finished run's model, where another program can have it."""
