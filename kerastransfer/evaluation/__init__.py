"""Metrics of a classifier with confidence intervals, computed from NumPy arrays."""
