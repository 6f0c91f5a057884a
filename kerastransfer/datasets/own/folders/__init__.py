"""What a folder of images means: its files, its splits, its classes, and its doubts."""
