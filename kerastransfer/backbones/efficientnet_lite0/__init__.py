"""EfficientNet-Lite0: the network, its facts and its published weights."""
