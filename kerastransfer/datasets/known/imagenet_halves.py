"""The random halves of ImageNet's 1,000 classes that transfer was first measured on.

References
----------
.. [1] J. Yosinski, J. Clune, Y. Bengio and H. Lipson, "How transferable are features in
   deep neural networks?", NIPS 2014; yosinski/convnet_transfer,
   ilsvrc12/make_reduced_dataset.py.
"""

import functools
import importlib.resources
from typing import Literal

import numpy as np

Half = Literal["a", "b"]
SIDES: tuple[Half, ...] = ("a", "b")
NUM_HALVES = 4  # pairs that were published: 0 to 3
_CLASSES, _IN_HALF = 1000, 500


@functools.cache
def wnids() -> tuple[str, ...]:
    """Return ILSVRC-2012's 1,000 WordNet identifiers, sorted.

    Returns
    -------
    tuple of str
        As Caffe's synsets.txt has them; a network's outputs are in this order.
    """
    folder = importlib.resources.files("kerastransfer.datasets.known")
    file = folder / "ilsvrc2012_wnids.txt"
    return tuple(file.read_text(encoding="ascii").split())


def half(number: int, which: Half) -> tuple[int, ...]:
    """Return the class numbers of a half.

    Parameters
    ----------
    number : int
        Which of the published pairs, 0 to 3.
    which : {'a', 'b'}
        A was drawn; B is all the others.

    Returns
    -------
    tuple of int, of length 500
        Ascending; a class's place is its label.
    """
    # The published program seeded with a list of one number, which draws otherwise
    # than the number alone. The generator is frozen: it draws so for ever.
    rng = np.random.RandomState([number])
    drawn = rng.choice(_CLASSES, _IN_HALF, replace=False)
    rest = np.setdiff1d(np.arange(_CLASSES), drawn)
    return tuple(np.sort(drawn if which == "a" else rest).tolist())
