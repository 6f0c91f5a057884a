"""Pretrained weights: found, verified and read without running code from a file."""
