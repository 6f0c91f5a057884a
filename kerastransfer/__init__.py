"""Fine-tune image classifiers on new domains, block by block, by measurement."""

__version__ = "0.1.0"
