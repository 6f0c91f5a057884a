"""Backbones of eight blocks, with the preprocessing each was trained with."""
