"""Types of arrays that several rooms pass on."""

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
