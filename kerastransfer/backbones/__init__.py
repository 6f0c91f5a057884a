"""Pretrained networks of eight blocks, with their preprocessing and weights."""
