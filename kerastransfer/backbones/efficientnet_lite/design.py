"""What makes EfficientNet-Lite0, Lite1 and Lite2. Imports no TensorFlow.

EfficientNet-B0 (Tan and Le, 2019, Table 1) without squeeze-and-excitation and with
ReLU6, made wider and deeper, its stem, its head and the depth of its first and last
stages left as they are (tensorflow/tpu, efficientnet/lite).
"""

import dataclasses
import math

STEM, HEAD = 32, 1280  # filters
_MULTIPLE = 8  # of which a stage's filters are


@dataclasses.dataclass(frozen=True, slots=True)
class LiteStage:
    """A row of the architecture's table."""

    kernel: int
    stride: int
    expand: int
    filters: int
    repeats: int


_STAGES = (
    LiteStage(3, 1, 1, 16, 1),
    LiteStage(3, 2, 6, 24, 2),
    LiteStage(5, 2, 6, 40, 2),
    LiteStage(3, 2, 6, 80, 3),
    LiteStage(5, 1, 6, 112, 3),
    LiteStage(5, 2, 6, 192, 4),
    LiteStage(3, 1, 6, 320, 1),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """One of the networks.

    Parameters
    ----------
    number : int
        0 for Lite0.
    size : int
        Side of the input in pixels.
    width, depth : float
        What filters and repetitions are multiplied by.
    """

    number: int
    size: int
    width: float = 1.0
    depth: float = 1.0

    def stages(self) -> tuple[LiteStage, ...]:
        """Return the rows of the architecture's table, scaled.

        Examples
        --------
        >>> [(stage.filters, stage.repeats) for stage in LITE2.stages()[2:5]]
        [(48, 3), (88, 4), (120, 4)]
        """
        last = len(_STAGES) - 1
        return tuple(
            dataclasses.replace(
                stage,
                filters=_rounded(stage.filters * self.width),
                repeats=stage.repeats
                if place in (0, last)
                else math.ceil(stage.repeats * self.depth),
            )
            for place, stage in enumerate(_STAGES)
        )


def _rounded(filters: float) -> int:
    """Round to a multiple of eight, and never down by more than a tenth."""
    rounded = max(_MULTIPLE, int(filters + _MULTIPLE / 2) // _MULTIPLE * _MULTIPLE)
    return rounded + _MULTIPLE if rounded < 0.9 * filters else rounded


LITE0 = Design(number=0, size=224)
LITE1 = Design(number=1, size=240, depth=1.1)
LITE2 = Design(number=2, size=260, width=1.1, depth=1.2)
