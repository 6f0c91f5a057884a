"""Keras as this package needs it, whatever its user has set; theirs come back after.

``~/.keras/keras.json``, ``KERAS_`` variables and calls of ``keras.config`` change the
type, the layout and the policy of every layer that is built. A run under them would be
another run than its config says, or none.
"""

import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted

P = ParamSpec("P")
R = TypeVar("R")

# The outermost scope that was entered before Keras was imported.
_waiting: ContextVar[ExitStack | None] = ContextVar("_waiting", default=None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KerasSettings:
    """What Keras takes from its configuration when it builds and fits; its defaults.

    Parameters
    ----------
    policy : keras.DTypePolicy, optional
        Of this thread; None where none was set and `floatx` decides.
    max_epochs, max_steps : int, optional
        Beyond which ``fit`` ends early.
    """

    floatx: str = "float32"
    epsilon: float = 1e-7
    image_data_format: str = "channels_last"
    policy: Any = None
    max_epochs: int | None = None
    max_steps: int | None = None

    @classmethod
    def current(cls) -> "KerasSettings":
        """Read what is set now."""
        from keras import config
        from keras.src.backend.common import global_state

        return cls(
            floatx=config.floatx(),
            epsilon=config.epsilon(),
            image_data_format=config.image_data_format(),
            # keras.config.dtype_policy would set one where there is none.
            policy=global_state.get_global_attribute("dtype_policy"),
            max_epochs=config.max_epochs(),
            max_steps=config.max_steps_per_epoch(),
        )

    def apply(self) -> None:
        """Set them."""
        from keras import config
        from keras.src.backend.common import global_state

        config.set_floatx(self.floatx)
        config.set_epsilon(self.epsilon)
        config.set_image_data_format(self.image_data_format)
        global_state.set_global_attribute("dtype_policy", self.policy)
        config.set_max_epochs(self.max_epochs)
        config.set_max_steps_per_epoch(self.max_steps)


@contextmanager
def own_settings() -> Iterator[None]:
    """Give Keras its defaults within a block, and its user's settings after it.

    Keras need not be imported yet; then its defaults stand from when it is.

    Raises
    ------
    InputError
        If Keras cannot serve in this process any more.
    """
    with ExitStack() as scope:
        if "keras" in sys.modules:
            _begin(scope)
        elif _waiting.get() is None:
            scope.callback(_waiting.reset, _waiting.set(scope))
        yield


def ours(function: Callable[P, R]) -> Callable[P, R]:
    """Run a function under Keras's defaults, as `own_settings` does."""

    @functools.wraps(function)
    def under_defaults(*args: P.args, **kwargs: P.kwargs) -> R:
        with own_settings():
            return function(*args, **kwargs)

    return under_defaults


def imported() -> None:
    """Begin the scope that waits for Keras to be imported, where there is one."""
    scope = _waiting.get()
    if scope is not None:
        _begin(scope)


def _begin(scope: ExitStack) -> None:
    _refuse_others()
    scope.callback(KerasSettings.current().apply)
    KerasSettings().apply()


def _refuse_others() -> None:
    """Refuse a Keras that is imported with another backend, or is of version 2."""
    import keras

    if not keras.__version__.startswith("3."):
        raise InputError(
            f"Expected Keras 3, got {keras.__version__}; pip install 'keras~=3.15.1'."
        )
    if keras.config.backend() != "tensorflow":
        raise InputError(
            "Expected Keras to run on TensorFlow, and this process imported it with "
            f"{quoted(keras.config.backend())}, which it keeps; call kerastransfer in "
            "a new process with KERAS_BACKEND=tensorflow."
        )
