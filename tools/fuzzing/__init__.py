"""Damaged and hostile files, made from sound ones, for every reader of the package."""
