"""Datasets: one file of facts each, and how to list and read their images."""
