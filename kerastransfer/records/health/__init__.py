"""The health of records: damage, duplicates and leaks, told before training."""
