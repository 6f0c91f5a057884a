"""Advice on how many blocks to copy, and whether to freeze or to fine-tune them."""
