"""Advice: how many blocks to copy, and whether to freeze or to tune them."""
