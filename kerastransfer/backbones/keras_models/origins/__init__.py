"""Where a model that is in no table comes from: a file, a preset, a function."""
