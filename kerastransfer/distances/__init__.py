"""How far a target is from the source, with baselines and intervals."""
