"""Warnings: a class of our own, and the line that the caller wrote."""

import warnings

import pytest

from kerastransfer.foundation import report
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.weights import store


def test_a_warning_is_of_a_class_of_our_own():
    with pytest.warns(KerasTransferWarning, match="^a word$"):
        report.warn("a word")


def test_a_warning_points_at_the_line_outside_the_package(tmp_path):
    from kerastransfer.weights import port_file

    path = tmp_path / "own.npz"
    mapping = dict(store.load("efficientnet_lite0").mapping)
    mapping["classifier/bias"] = mapping["classifier/bias"] + 1
    port_file.save_npz(mapping, path, {})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store.load("efficientnet_lite0", path)
    (warning,) = caught
    assert warning.filename == __file__
