"""Splits: who goes to test, val and train, and in which order, from names alone.

The rule, which never reads an image::

    order a class's images by sha256(seed:salt:path), whole groups by their names
    official test and val sets are taken as they are
    quotas of a class = the dataset's sizes, or test min(50, 20 %), val min(10, 10 %)
    a class with fewer images than its quotas is refused, capped or dropped
    walk over the groups in order: fill test, then val; all others are train
        (a dataset whose test set is "rest" fills train, then val; all others are test)
    rank the images of each class within each split in that order
    keep the first `max_per_class` of train, and what the quotas say of val and test
    write each split in the order of (rank, class): n images a class are a prefix

`quotas` holds the sizes, `ordering` the hashes and ranks, `assign` the walk,
`short_classes` the classes with too few images, and `plan` joins them.
"""
