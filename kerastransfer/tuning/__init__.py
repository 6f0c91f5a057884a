"""Searching for a recipe's settings, on the validation set alone."""
