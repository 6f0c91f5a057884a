"""Sources of many images in few files: their examples, features and columns."""
