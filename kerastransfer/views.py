"""Views: which part of an image an epoch sees, and in which order images come.

Everything follows from (seed, epoch, image) alone, by a fixed integer hash, so that a
run can be replayed, resumed anywhere, and computed from a cache, on any machine and
with any release of NumPy.
"""

import numpy as np
from numpy.typing import NDArray

from kerastransfer.errors import InputError

NUM_VIEWS = (1, 2, 5, 10)

# A view is (top, left, mirror): the place as fractions of the room that the crop
# leaves, and 1 for the mirror image. Centre first, then the corners.
_PLACES = ((0.5, 0.5), (0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
CENTRE: NDArray[np.float32] = np.array([0.5, 0.5, 0.0], np.float32)

# What a hash is for; two purposes never share their bits.
_ORDER, _VIEW, _TOP, _LEFT, _MIRROR = range(5)


def check(views: int, mirror: bool) -> None:
    """Refuse a number of views that there is not, or flips that change the class.

    Parameters
    ----------
    views : int
        1 (centre), 2 (with its mirror image), 5 (centre and corners), 10 (both).
    mirror : bool
        Whether a mirror image keeps its class.

    Raises
    ------
    InputError
        For another number, or for 2 or 10 where a mirror image does not keep its class.
    """
    if views not in NUM_VIEWS:
        raise InputError(f"Expected --views to be one of {NUM_VIEWS}, got {views}.")
    if views in (2, 10) and not mirror:
        raise InputError(
            f"Expected --views 1 or 5, got {views}: 2 and 10 hold mirror images, which "
            "are not known to keep their class here; pass --mirror yes if they do."
        )


def fixed(views: int) -> NDArray[np.float32]:
    """List the fixed views that a number of them stands for.

    Parameters
    ----------
    views : {1, 2, 5, 10}

    Returns
    -------
    array of shape (views, 3)
        Rows (top, left, mirror); the centre first. Dimensionless.
    """
    places = _PLACES[: 1 if views <= 2 else 5]
    mirrors = (0.0,) if views in (1, 5) else (0.0, 1.0)
    return np.array([(*place, m) for m in mirrors for place in places], np.float32)


def indices(views: int) -> NDArray[np.int64]:
    """Return the fixed views' numbers among all ten, whatever set is used.

    Parameters
    ----------
    views : {1, 2, 5, 10}

    Returns
    -------
    array of shape (views,)
        Of each row of ``fixed(views)`` its row in ``fixed(10)``.
    """
    places = 1 if views <= 2 else len(_PLACES)
    mirrors = 1 if views in (1, 5) else 2
    numbers = [len(_PLACES) * m + p for m in range(mirrors) for p in range(places)]
    return np.array(numbers, np.int64)


def order(seed: int, epoch: int, images: NDArray[np.int64]) -> NDArray[np.int64]:
    """Shuffle images for an epoch.

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
    """
    return np.argsort(_bits(seed, epoch, images, _ORDER), kind="stable")


def choose(
    seed: int, epoch: int, images: NDArray[np.int64], views: int
) -> NDArray[np.int64]:
    """Choose one of the fixed views for each image and epoch.

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
        Indices of rows of ``fixed(views)``.
    """
    return (_bits(seed, epoch, images, _VIEW) % np.uint64(views)).astype(np.int64)


def random(
    seed: int, epoch: int, images: NDArray[np.int64], mirror: bool
) -> NDArray[np.float32]:
    """Draw a continuous random crop, and a flip where it is allowed, for each image.

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
        Rows (top, left, mirror).
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
