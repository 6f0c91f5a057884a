"""Exported models, which run without this package."""
