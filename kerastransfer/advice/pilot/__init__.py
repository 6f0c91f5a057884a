"""Contenders trained on the same splits: first what promises most for its time."""
