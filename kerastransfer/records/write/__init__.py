"""Writing records: images encoded, and put in place whole or not at all."""
