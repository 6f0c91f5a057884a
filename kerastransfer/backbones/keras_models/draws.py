"""What layers draw while a block is trained: by image, however the batch is shared.

Keras's layers draw for all images of a device at once, by seeds that count how often
they were called: a mask would depend on how many devices there are, and a resumed run
would draw others. While a block is traced, the functions behind ``keras.random`` are
exchanged for ones that draw for the whole batch, by the run's seed, the step and the
place in the network, and take the rows of the images that are here. That is what
`kerastransfer.backbones.dropout` does before a classifier.

What begins with one row for all images follows from the step alone. What mixes images,
or does not have them in front, would differ between devices, and is refused on several.
"""

import contextlib
import dataclasses
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import keras
import tensorflow as tf
from keras.src.backend.tensorflow import random as keras_random

from kerastransfer.backbones.dropout import Drop
from kerastransfer.errors import InputError

_Sizes = list[Any]  # of axes: int where they are known, else scalar tensors


@dataclasses.dataclass(slots=True)
class _Draws:
    """What one block draws while it is traced."""

    block: int
    drop: Drop | None
    count: int = 0
    problem: str = ""

    def seed(self) -> tf.Tensor:
        """Return the seed of the next draw: shape (2,), int64."""
        self.count += 1
        place = 1_000 * self.block + self.count
        if self.drop is None:
            return tf.constant([0, place], tf.int64)
        words = tf.constant([self.drop.seed, place], tf.int64)
        return tf.random.experimental.stateless_fold_in(words, self.drop.step)


# A device is traced in a thread of its own, and threads take turns within a block.
_CURRENT: ContextVar[_Draws | None] = ContextVar("_CURRENT", default=None)


@contextlib.contextmanager
def by_image(block: int, drop: Drop | None) -> Iterator[None]:
    """Let a block draw for a step while it is traced, or called.

    Parameters
    ----------
    block : int
        1 to 8; two blocks never share a draw.
    drop : Drop, optional
        Of the step; None where statistics are computed.

    Raises
    ------
    InputError
        If there are several devices, and what is drawn would depend on that.
    """
    draws = _Draws(block, drop)
    with _EXCHANGE:
        token = _CURRENT.set(draws)
        try:
            yield
        finally:
            _CURRENT.reset(token)
    # Not where it came up, or Keras would add what it was called with.
    if draws.problem:
        raise InputError(
            f"Block {block} cannot be trained on several devices as on one: "
            f"{draws.problem}; use one (--devices 1), or freeze the block."
        )


def any_number(inputs: tf.Tensor) -> tf.Tensor:
    """Forget how many images there are, so that their axis is told from others."""
    if tf.executing_eagerly() or inputs.shape[0] is None:
        return inputs
    return tf.compat.v1.placeholder_with_default(inputs, [None, *inputs.shape[1:]])


def _shaped(draw: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Let a function that takes a shape draw for the whole batch."""

    @functools.wraps(draw)
    def drawn(shape: Any, *args: Any, **kwargs: Any) -> tf.Tensor:
        draws = _CURRENT.get()
        if draws is None or draws.drop is None:
            return draw(shape, *args, **kwargs)
        sizes = _sizes(shape)
        if any(tf.is_tensor(size) for size in sizes[1:]):
            _refuse(
                draws, "a layer draws for axes among which images are not the first"
            )
        if not sizes or not _counts_images(sizes[0], draws.drop):
            return draw(shape, *args, **kwargs)
        return _rows(
            lambda first: draw((first, *sizes[1:]), *args, **kwargs),
            sizes[0],
            draws.drop,
        )

    return drawn


def _rows(draw: Callable[[Any], tf.Tensor], first: Any, drop: Drop) -> tf.Tensor:
    """Draw for the whole batch, and take what belongs to the images that are here.

    An image may have several rows one after another, as windows of a transformer are.
    """
    each = first // tf.size(drop.rows)
    rows = drop.rows[:, tf.newaxis] * each + tf.range(each)
    return tf.gather(draw(each * drop.size), tf.reshape(rows, [-1]))


def _counts_images(size: Any, drop: Drop) -> bool:
    """Whether an axis is that of images, or of parts of them."""
    if tf.executing_eagerly():  # on one device, where it makes no difference
        return bool(size > 0 and size % int(tf.size(drop.rows)) == 0)
    return bool(tf.is_tensor(size))


def _sizes(shape: Any) -> _Sizes:
    """Return the sizes of axes, of which those that are not known are tensors."""
    if not tf.is_tensor(shape):
        return list(shape)
    known = tf.get_static_value(shape, partial=True)
    count = shape.shape[0] if known is None else len(known)
    return [
        shape[axis] if known is None or known[axis] is None else int(known[axis])
        for axis in range(count)
    ]


def _dropout(
    inputs: tf.Tensor,
    rate: float,
    noise_shape: Sequence[int | None] | None = None,
    seed: Any = None,
) -> tf.Tensor:
    """Drop as Keras does, by masks of the whole batch."""
    draws = _CURRENT.get()
    if draws is None or rate in (0, 1):
        return _KERAS["dropout"](inputs, rate, noise_shape=noise_shape, seed=seed)
    if draws.drop is None:
        return inputs
    sizes = list(keras.ops.shape(inputs))
    wanted = sizes if noise_shape is None else noise_shape
    if tf.is_tensor(sizes[0]) and not _any_batch(wanted):
        _refuse(draws, f"a layer's noise_shape begins with {wanted[0]} images")
    shape = [
        size if size is not None else sizes[axis] for axis, size in enumerate(wanted)
    ]
    kept = _OURS["uniform"](shape) >= rate
    return tf.where(kept, inputs / (1 - rate), tf.zeros_like(inputs))


def _any_batch(noise_shape: Sequence[Any]) -> bool:
    """Whether a noise shape goes with any number of images."""
    first = noise_shape[0]
    return first is None or tf.is_tensor(first) or first == 1


def _mixing(draw: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
    """Refuse a function on several devices, for it takes no shape of a whole batch."""

    @functools.wraps(draw)
    def drawn(*args: Any, **kwargs: Any) -> tf.Tensor:
        draws = _CURRENT.get()
        if draws is not None:
            name = draw.__name__
            _refuse(draws, f"a layer draws by keras.random.{name}, not by image")
        return draw(*args, **kwargs)

    return drawn


def _seed(seed: Any) -> tf.Tensor:
    draws = _CURRENT.get()
    return _KERAS["draw_seed"](seed) if draws is None else draws.seed()


def _refuse(draws: _Draws, problem: str) -> None:
    context = tf.distribute.get_replica_context()
    if context is not None and context.num_replicas_in_sync > 1:
        draws.problem = draws.problem or problem


_SHAPED = ("normal", "randint", "truncated_normal", "uniform")
_MIXING = ("beta", "binomial", "categorical", "gamma", "shuffle")
_KERAS: dict[str, Callable[..., Any]] = {
    name: getattr(keras_random, name)
    for name in (*_SHAPED, *_MIXING, "dropout", "draw_seed")
}
_OURS: dict[str, Callable[..., Any]] = {
    **{name: _shaped(_KERAS[name]) for name in _SHAPED},
    **{name: _mixing(_KERAS[name]) for name in _MIXING},
    "dropout": _dropout,
    "draw_seed": _seed,
}


class _Exchange:
    """Our functions in the place of Keras's, while any thread is within a block."""

    def __init__(self) -> None:
        self._lock, self._inside = threading.Lock(), 0

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            self._set(_OURS)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._set(_KERAS)

    @staticmethod
    def _set(functions: dict[str, Callable[..., Any]]) -> None:
        for name, function in functions.items():
            setattr(keras_random, name, function)


_EXCHANGE = _Exchange()
