"""The study: a grid of runs, their table, and what it says of tuning and freezing."""
