"""Formats of files that several rooms read: what must hold in all of them."""
