"""Pretrained weights: where they are, and readers that run no code."""
