"""Training: a recipe on a backbone, from records to a finished run."""
