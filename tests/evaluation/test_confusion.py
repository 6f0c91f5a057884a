"""A confusion matrix as text."""

import numpy as np

from kerastransfer.evaluation.confusion import confusion_text


def test_a_small_matrix_is_drawn_whole():
    text = confusion_text(np.array([[30, 1], [0, 5]]), ("a cat", "dog"))
    assert text.splitlines()[1:] == ["a cat   30    1", "  dog    .    5"]


def test_of_a_large_matrix_the_largest_confusions_are_listed():
    classes = tuple(f"class {i}" for i in range(20))
    matrix = np.diag(np.full(20, 9))
    matrix[3, 7], matrix[7, 3] = 4, 6
    assert confusion_text(matrix, classes).splitlines() == [
        "largest confusions: images, true class, predicted class",
        "     6  class 7  class 3",
        "     4  class 3  class 7",
    ]
