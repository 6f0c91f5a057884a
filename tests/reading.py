"""How tests read a dataset's images: as a conversion does."""

import pickle


def read(dataset, path):
    """Return the bytes of one image's file, through a pickle, as workers get it."""
    [blob] = dataset.source.blobs([path])
    return pickle.loads(pickle.dumps(blob)).where.read()
