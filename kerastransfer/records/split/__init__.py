"""Splits: who goes to test, val and train, and in which order, from names alone."""
