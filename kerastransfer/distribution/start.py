"""Starting the devices that train. TensorFlow is imported when they are asked for."""

from typing import TYPE_CHECKING

from kerastransfer.distribution.choice import Choice
from kerastransfer.foundation.report import say
from kerastransfer.foundation.tensorflow_import import import_quietly, without_noise

if TYPE_CHECKING:
    from kerastransfer.distribution.replicas import Replicas


def start(choice: Choice | None = None) -> "Replicas":
    """Import TensorFlow, and start the devices that a user chose.

    Parameters
    ----------
    choice : Choice, optional
        By default one device.

    Raises
    ------
    InputError
        If there are no such devices, or the other workers cannot be reached.
    """
    if choice is not None and choice.several_processes:
        say("Waiting for all workers ...")
    import_quietly()
    with without_noise():
        from kerastransfer.distribution import replicas

        return replicas.make(choice or Choice(strategy="single"))
