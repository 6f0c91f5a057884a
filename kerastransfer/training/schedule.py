"""Learning-rate schedules: pure functions of the step."""

import math
from collections.abc import Callable

# Caffe's fine-tuning example (BVLC/caffe, models/finetune_flickr_style) divides the
# rate by ten after each fifth of the run: stepsize 20000, max_iter 100000.
_DROPS = 5
_GAMMA = 0.1

Schedule = Callable[[int, int], float]


def cosine(step: int, steps: int) -> float:
    """Fall from 1 towards 0 along half a cosine.

    Parameters
    ----------
    step, steps : int
        The step from 0, and how many there are.

    Returns
    -------
    float
        The fraction of the learning rate to use; dimensionless.
    """
    return 0.5 * (1 + math.cos(math.pi * step / steps))


def staircase(step: int, steps: int) -> float:
    """Fall to a tenth after each fifth of the run.

    Parameters
    ----------
    step, steps : int
        The step from 0, and how many there are.

    Returns
    -------
    float
        The fraction of the learning rate to use; dimensionless.
    """
    return _GAMMA ** (_DROPS * step // steps)


SCHEDULES: dict[str, Schedule] = {
    "cosine": cosine,
    "step": staircase,
}
