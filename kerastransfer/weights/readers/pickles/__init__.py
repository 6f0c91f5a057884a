"""Pickles as data: nothing of a file is imported, called or run."""
