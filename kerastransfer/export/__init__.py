"""Export: models that need nothing of ours to run."""
