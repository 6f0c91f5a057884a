"""A user's own images: folders, CSV files and TFDS datasets."""
