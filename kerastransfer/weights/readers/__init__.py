"""Readers of weight files: one module a format; none runs what a file holds."""
