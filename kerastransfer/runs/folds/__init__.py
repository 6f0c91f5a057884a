"""Cross-validation: a run for each fold of train and val."""
