"""Views: which crop of an image each epoch uses, and the order of the images.

Both are functions of (seed, epoch, image) alone, by a fixed integer hash. So a run can
be repeated, resumed at any step and computed from a cache, on any machine and with any
release of NumPy.
"""

import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import InputError

NUM_VIEWS = (1, 2, 5, 10)

# A view is (top, left, mirror): the position as fractions of the space that the crop
# leaves free, and 1 for the mirror image. Centre first, then the corners.
_PLACES = ((0.5, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
CENTRE: NDArray[np.float32] = np.array([0.5, 0.5, 0.0], np.float32)

# What a hash is for; two purposes never share their bits.
_ORDER, _VIEW, _TOP, _LEFT, _MIRROR = range(5)


def check(views: int, mirror: bool) -> None:
    """Check the number of fixed views of an image.

    Parameters
    ----------
    views : int
        1 (centre), 2 (centre and its mirror image), 5 (centre and corners) or 10 (all
        five and their mirror images).
    mirror : bool
        Whether a mirror image keeps its class.

    Raises
    ------
    InputError
        For another number, or for 2 or 10 where a mirror image does not keep its class.

    Examples
    --------
    >>> check(5, mirror=False)
    >>> check(3, mirror=True)
    Traceback (most recent call last):
    kerastransfer.errors.InputError: Expected --views to be one of (1, 2, 5, 10), got 3.
    """
    if views not in NUM_VIEWS:
        raise InputError(f"Expected --views to be one of {NUM_VIEWS}, got {views}.")
    if views in (2, 10) and not mirror:
        raise InputError(
            f"Expected --views 1 or 5, got {views}: 2 and 10 hold mirror images, which "
            "are not known to keep their class here; pass --mirror yes if they do."
        )


def fixed(views: int) -> NDArray[np.float32]:
    """Return the fixed views of an image, the centre first.

    Parameters
    ----------
    views : {1, 2, 5, 10}

    Returns
    -------
    array of shape (views, 3)
        Rows (top, left, mirror): the position of the crop as fractions of the free
        space, and 1 for the mirror image.

    Examples
    --------
    >>> fixed(2)
    array([[0.5, 0.5, 0. ],
           [0.5, 0.5, 1. ]], dtype=float32)
    """
    places = _PLACES[: 1 if views <= 2 else 5]
    mirrors = (0.0,) if views in (1, 5) else (0.0, 1.0)
    return np.array([(*place, m) for m in mirrors for place in places], np.float32)


def indices(views: int) -> NDArray[np.int64]:
    """Return the row in ``fixed(10)`` of each row of ``fixed(views)``.

    Parameters
    ----------
    views : {1, 2, 5, 10}

    Examples
    --------
    >>> indices(2)
    array([0, 5])
    """
    places = 1 if views <= 2 else len(_PLACES)
    mirrors = 1 if views in (1, 5) else 2
    numbers = [len(_PLACES) * m + p for m in range(mirrors) for p in range(places)]
    return np.array(numbers, np.int64)


def order(seed: int, epoch: int, images: NDArray[np.int64]) -> NDArray[np.int64]:
    """Shuffle the images for an epoch.

    Parameters
    ----------
    seed, epoch : int
        The run's seed; the epoch from 0.
    images : array of shape (n,)
        Positions in the training split.

    Returns
    -------
    array of shape (n,)
        Indices into `images`, in the epoch's order.

    Examples
    --------
    >>> images = np.arange(5)
    >>> order(seed=0, epoch=0, images=images)
    array([0, 4, 2, 1, 3])
    >>> order(seed=0, epoch=1, images=images)
    array([2, 4, 0, 1, 3])
    """
    return np.argsort(_bits(seed, epoch, images, _ORDER), kind="stable")


def choose(
    seed: int, epoch: int, images: NDArray[np.int64], views: int
) -> NDArray[np.int64]:
    """Choose one of the fixed views for each image in an epoch.

    Parameters
    ----------
    seed, epoch : int
        The run's seed; the epoch from 0.
    images : array of shape (n,)
        Positions in the training split.
    views : {1, 2, 5, 10}

    Returns
    -------
    array of shape (n,)
        Rows of ``fixed(views)``.

    Examples
    --------
    >>> choose(seed=0, epoch=0, images=np.arange(5), views=10)
    array([7, 2, 4, 5, 8])
    """
    return (_bits(seed, epoch, images, _VIEW) % np.uint64(views)).astype(np.int64)


def random(
    seed: int, epoch: int, images: NDArray[np.int64], mirror: bool
) -> NDArray[np.float32]:
    """Draw a random crop, and a random flip where it is allowed, for each image.

    Parameters
    ----------
    seed, epoch : int
        The run's seed; the epoch from 0.
    images : array of shape (n,)
        Positions in the training split.
    mirror : bool
        Whether to flip half of them.

    Returns
    -------
    array of shape (n, 3)
        Rows (top, left, mirror), as `fixed` returns them.

    Examples
    --------
    >>> random(seed=0, epoch=0, images=np.arange(2), mirror=False).shape
    (2, 3)
    """
    top, left = (_unit(_bits(seed, epoch, images, use)) for use in (_TOP, _LEFT))
    flips = (_unit(_bits(seed, epoch, images, _MIRROR)) < 0.5) & mirror
    return np.stack([top, left, flips], axis=1).astype(np.float32)


def _unit(bits: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Map 64 bits to [0, 1)."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _bits(
    seed: int, epoch: int, images: NDArray[np.int64], use: int
) -> NDArray[np.uint64]:
    """Hash (seed, epoch, image, use) to 64 bits with SplitMix64's finaliser [1]_.

    References
    ----------
    .. [1] G. L. Steele, D. Lea, C. H. Flood, "Fast Splittable Pseudorandom Number
       Generators", OOPSLA 2014, Figure 13 (variant 13 of the mixer).
    """
    state = np.zeros(len(images), np.uint64)
    for word in (np.uint64(seed), np.uint64(epoch), np.uint64(use), images):
        with np.errstate(over="ignore"):
            state = state + np.uint64(0x9E3779B97F4A7C15) + np.asarray(word, np.uint64)
            state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state = state ^ (state >> np.uint64(31))
    return state
