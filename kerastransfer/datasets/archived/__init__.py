"""Datasets in published archives: finding, walking and fetching them."""
