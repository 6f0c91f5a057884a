import numpy as np
import pytest

from kerastransfer.errors import DataError
from kerastransfer.features import feature_file
from kerastransfer.features.feature_file import FeatureFile
from kerastransfer.foundation import numpy_files

FIELDS = {
    "labels": np.array([0, 1, 0]),
    "ids": np.array(["a/1.png", "b/2.png", "a/3.png"]),
    "splits": np.array(["train", "train", "test"]),
    "dataset": "pets",
    "fit": "pad",
    "backbone": "alexnet",
    "weights": "12ab",
    "records": "34cd",
}
FEATURES = np.arange(6, dtype=np.float32).reshape(3, 2)


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "f.npz"
    feature_file.write(path, [FEATURES[:2], FEATURES[2:]], 2, **FIELDS)
    found = FeatureFile.read(path)
    np.testing.assert_array_equal(found.features, FEATURES)
    for name in ("labels", "ids", "splits"):
        np.testing.assert_array_equal(getattr(found, name), FIELDS[name])
    for name in ("dataset", "backbone", "weights", "records"):
        assert getattr(found, name) == FIELDS[name]
    assert feature_file.kind_of(path) == "features"


def test_plain_numpy_reads_it(tmp_path):
    feature_file.write(tmp_path / "f.npz", [FEATURES], 2, **FIELDS)
    with np.load(tmp_path / "f.npz", allow_pickle=False) as held:
        assert held["features"].dtype == np.float32
        assert str(held["weights"]) == "12ab"
        assert held["ids"].tolist() == FIELDS["ids"].tolist()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"labels": np.array([0, 1])}, r"labels int64 \(2,\)"),
        ({"labels": np.array([0.0, 1, 0])}, "labels float64"),
        ({"features": FEATURES.astype(np.float64)}, "features float64"),
        ({"features": FEATURES[0]}, r"features float32 \(2,\)"),
        ({"ids": np.array([1, 2, 3])}, "text ids"),
        (
            {"kind": np.array("statistics")},
            "file of features at .* one of 'statistics'",
        ),
        ({"kind": None}, "one of 'other arrays'"),
        ({"records": None}, "Expected an array 'records'"),
        ({"format": None}, "format 2 at .* got 1, made by another release"),
        ({"format": np.array(3)}, "format 2 at .* got 3"),
        ({"format": np.array([2, 2])}, r"got \[2 2\]"),
    ],
)
def test_other_contents(tmp_path, changed, message):
    arrays = {**feature_file.heading("features"), "features": FEATURES}
    arrays |= {name: np.asarray(value) for name, value in FIELDS.items()}
    arrays = {k: v for k, v in (arrays | changed).items() if v is not None}
    numpy_files.write_npz(tmp_path / "f.npz", arrays)
    with pytest.raises(DataError, match=message):
        FeatureFile.read(tmp_path / "f.npz")


def test_a_damaged_file_is_made_again_by_the_command_that_made_it(tmp_path):
    path = tmp_path / "f.npz"
    feature_file.write(path, [FEATURES], 2, **FIELDS)
    path.write_bytes(path.read_bytes()[:-100])
    cure = "make it again with 'kerastransfer features'"
    with pytest.raises(DataError, match=rf"f\.npz.*{cure}"):
        FeatureFile.read(path)
