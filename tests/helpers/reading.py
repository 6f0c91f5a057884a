"""How tests read and plan a dataset: as a conversion does."""

import pickle

from kerastransfer.records.split.plan import SplitPlan


def read(dataset, path):
    """Return the bytes of one image's file, through a pickle, as workers get it."""
    [blob] = dataset.source.image_files([path])
    return pickle.loads(pickle.dumps(blob)).content.read()


def planned(dataset, **options):
    """Plan a dataset as its conversion does."""
    return SplitPlan.of(dataset, **options)
