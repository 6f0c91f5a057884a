"""Records: a dataset converted to TFRecords; who is where, and the bytes."""
