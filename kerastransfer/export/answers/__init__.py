"""A model's answers to any number of image files, as a table."""
