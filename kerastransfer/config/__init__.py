"""A run's settings: declared once, with defaults, ranges and presets."""
