"""Runs: from a config to a folder that holds everything a training produced."""
