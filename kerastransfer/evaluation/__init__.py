"""How good a classifier is: metrics with intervals, on arrays alone."""
