"""Ports: from a file's names and layouts to Keras's, a module a network."""
