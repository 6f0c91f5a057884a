"""Tables of images as people write them: text, cells, columns and where files are."""
