"""What one replica takes a step on, as the compiled step is given it."""

from typing import Any, NamedTuple


class StepInputs(NamedTuple):
    """What one replica takes a step on.

    Where a call takes several steps, all but `size` and `votes` have an axis of steps
    in front.

    Parameters
    ----------
    inputs, labels, rows, weights : tensors
        See `kerastransfer.training.batches.ReplicaBatch`.
    rate : tensor of shape (1,), float32
        The learning rate, before factors. A scalar argument would let TensorFlow order
        products of it in another way, and round otherwise.
    step : scalar tensor of int64
        The step's number in the run; dropout follows from it.
    size : scalar tensor of int32
        Images in the whole batch, over all replicas.
    votes : tensor of shape (2,), float32
        This process's; see `kerastransfer.training.stopping.StopSignal`.
    """

    inputs: Any
    labels: Any
    rows: Any
    weights: Any
    rate: Any
    step: Any
    size: Any
    votes: Any
