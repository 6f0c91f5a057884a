"""A SavedModel in other formats, and a certificate that all give the same answers."""
