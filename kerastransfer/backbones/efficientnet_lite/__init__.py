"""EfficientNet-Lite0, with its published weights."""
