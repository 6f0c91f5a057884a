"""The distances that the study printed (its Table 2), and where another falls in."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """A dataset's distance from ImageNet, on AlexNet's mean fc7 responses.

    Parameters
    ----------
    cosine, mmd : float
        Dimensionless, and in the unit of fc7.
    svm, cnn : float
        Accuracies, as fractions.
    """

    dataset: str
    cosine: float
    mmd: float
    svm: float
    cnn: float


TABLE = (
    Row("yosinski", 0.003, 2.3, 0.573, 0.510),
    Row("caltech256", 0.071, 10.6, 0.714, 0.690),
    Row("sun397", 0.194, 17.8, 0.815, 0.764),
    Row("mit_indoor", 0.307, 23.9, 0.900, 0.845),
    Row("cub200", 0.358, 37.2, 0.929, 0.865),
    Row("coral", 0.455, 38.7, 0.973, 0.994),
    Row("plankton", 0.534, 39.1, 0.972, 0.997),
)


def place(cosine: float) -> str:
    """Say where a cosine distance falls among the published ones.

    Returns
    -------
    str
        Such as ``between sun397 and mit_indoor``.
    """
    nearer = [row.dataset for row in TABLE if row.cosine <= cosine]
    farther = [row.dataset for row in TABLE if row.cosine > cosine]
    if not nearer:
        return f"nearer than {farther[0]}"
    if not farther:
        return f"farther than {nearer[-1]}"
    return f"between {nearer[-1]} and {farther[0]}"
