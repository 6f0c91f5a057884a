"""A model card: what a run's model is, for whoever is given it."""
