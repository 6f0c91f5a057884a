"""Files that Keras wrote, and HDF5 files that it would not write."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format

from kerastransfer.errors import WeightsError
from kerastransfer.weights.readers import keras_file


def block(shape, number, dtype="float32"):
    inputs = x = keras.Input(shape)
    x = keras.layers.Conv2D(4, 3, use_bias=False, name=f"c{number}", dtype=dtype)(x)
    x = keras.layers.BatchNormalization(name=f"bn{number}", dtype=dtype)(x)
    x = keras.layers.DepthwiseConv2D(3, name=f"d{number}", dtype=dtype)(x)
    return keras.Model(inputs, x, name=f"block{number}")


def model(dtype="float32"):
    first = block((16, 16, 3), 1, dtype)
    second = block(first.output_shape[1:], 2, dtype)
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(second(first(inputs)))
    x = keras.layers.Dense(5, name="classifier", dtype=dtype)(x)
    built = keras.Model(inputs, x)
    draw = np.random.default_rng(0)
    built.set_weights([draw.standard_normal(w.shape) for w in built.weights])
    return built


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_read_names_every_variable_as_keras_does(dtype, tmp_path):
    built = model(dtype)
    built.save_weights(tmp_path / "m.weights.h5")
    read = keras_file.read_variables(tmp_path / "m.weights.h5")
    expected = {w.path: w for w in built.weights}
    assert set(read) == set(expected)
    for name, weight in expected.items():
        values = keras.ops.convert_to_numpy(weight)
        np.testing.assert_array_equal(read[name], values.astype(read[name].dtype))
    if dtype == "bfloat16":
        assert read["classifier/kernel"].dtype == np.float32
    else:
        assert read["classifier/kernel"].dtype == dtype


def test_read_refuses_the_old_format(tmp_path):
    model().save(tmp_path / "m.h5")
    with pytest.raises(WeightsError, match=r"m\.h5.*holds no layer's variables"):
        keras_file.read_variables(tmp_path / "m.h5")


def test_variables_of_other_layers_are_called_by_their_places(tmp_path):
    inputs = keras.Input((16, 16, 4))
    x = keras.layers.BatchNormalization(center=False, scale=False, name="bare")(inputs)
    keras.Model(inputs, x).save_weights(tmp_path / "m.weights.h5")
    arrays = keras_file.read_variables(tmp_path / "m.weights.h5")
    assert [*arrays] == ["bare/0", "bare/1"]
    assert (arrays["bare/0"] == 0).all() and (arrays["bare/1"] == 1).all()


def old_file(path, change=lambda file: None):
    """A file of Keras 2, as Keras still publishes its weights."""
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3, name="d"), keras.layers.ReLU()]
    )
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
        change(file)
    return path, model


def test_a_file_of_keras_2(tmp_path):
    path, model = old_file(tmp_path / "old.h5")
    assert keras_file.is_legacy(path)
    layers = keras_file.read_legacy(path)
    assert [*layers] == ["d"]
    for array, weight in zip(layers["d"], model.weights, strict=True):
        np.testing.assert_array_equal(array, weight)


def spread_names(file):
    """Where names take more room than an attribute has, Keras spreads them."""
    file.attrs["layer_names0"] = file.attrs["layer_names"][:1]
    file.attrs["layer_names1"] = file.attrs["layer_names"][1:]
    del file.attrs["layer_names"]


def test_names_that_are_spread(tmp_path):
    path, _ = old_file(tmp_path / "old.h5", spread_names)
    assert keras_file.is_legacy(path) and [*keras_file.read_legacy(path)] == ["d"]


def link_away(file):
    del file["d"]
    file["d"] = h5py.ExternalLink("other.h5", "/secret")


def list_twice(file):
    file.attrs["layer_names"] = [b"d", b"d"]


def list_what_is_not_there(file):
    file["d"].attrs["weight_names"] = [b"d/nothing"]


def climb(file):
    file["d"].attrs["weight_names"] = [b"a/" * 30 + b"x"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (link_away, "is a link to elsewhere"),
        (list_twice, "listed twice"),
        (list_what_is_not_there, "is not in"),
        (climb, "deep"),
    ],
)
def test_an_old_file_that_is_damaged(change, message, tmp_path):
    path, _ = old_file(tmp_path / "old.h5", change)
    with pytest.raises(WeightsError, match=message):
        keras_file.read_legacy(path)


def test_read_refuses_two_layers_of_one_name(tmp_path):
    inputs = keras.Input((16, 16, 3))
    first, second = block((16, 16, 3), 1), block((16, 16, 3), 1)
    built = keras.Model(
        inputs,
        [
            first(inputs),
            keras.Model(second.inputs, second.outputs, name="other")(inputs),
        ],
    )
    built.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(WeightsError, match="has no name, or one used before"):
        keras_file.read_variables(tmp_path / "m.weights.h5")


def write(path, fill, name="w"):
    with h5py.File(path, "w") as file:
        variables = file.create_group("layers/dense/vars")
        if name is not None:
            variables.attrs["name"] = name
        fill(variables)
    return path


def external_link(group):
    group["0"] = h5py.ExternalLink("other.h5", "/secret")


def external_storage(group):
    group.create_dataset("0", (2, 2), "f4", external=[("other.bin", 0, 16)])


def virtual(group):
    layout = h5py.VirtualLayout((2, 2), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "secret", (2, 2))
    group.create_virtual_dataset("0", layout)


def huge(group):
    group.create_dataset("0", (2**20, 2**20), "f4", chunks=(16, 16))


def large_for_its_type(group):
    group.create_dataset("0", (2**14, 2**14), "f8", chunks=(16, 16))


def gap(group):
    group["1"] = np.ones((2, 2))


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (external_link, "variable 0 of layer 'w' is not in the file"),
        (lambda g: g.__setitem__("0", h5py.SoftLink("/x")), "is not in the file"),
        (external_storage, "keeps its numbers in another file"),
        (virtual, "keeps its numbers in another file"),
        (huge, "too large"),
        (large_for_its_type, "claims a shape"),
        (gap, "variable 0 of layer 'w' is not in the file"),
        (lambda g: g.create_group("0"), "is no array"),
        (lambda g: g.create_dataset("0", data=["a"]), "holds what is no number"),
        (lambda g: g.create_dataset("0", data=np.zeros(3, "V2")), "no number"),
    ],
)
def test_read_refuses(fill, message, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = np.ones((2, 2), "f4")
    (tmp_path / "other.bin").write_bytes(bytes(16))
    path = write(tmp_path / "bad.h5", fill)
    with pytest.raises(WeightsError, match=rf"bad\.h5.*{message}"):
        keras_file.read_variables(path)


def test_read_refuses_links_between_groups_and_cycles(tmp_path):
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["layers"] = h5py.ExternalLink("other.h5", "/layers")
    with pytest.raises(WeightsError, match="'layers' in it is a link to elsewhere"):
        keras_file.read_variables(tmp_path / "link.h5")
    with h5py.File(tmp_path / "cycle.h5", "w") as file:
        group = file.create_group("a")
        group["again"] = group  # a hard link to itself
    with pytest.raises(WeightsError, match="more than 20 deep"):
        keras_file.read_variables(tmp_path / "cycle.h5")


def test_read_bounds_the_sum(tmp_path, monkeypatch):
    monkeypatch.setattr(keras_file, "MAX_BYTES", 100)

    def both(group):
        group["0"], group["1"] = np.ones((4, 5), "f4"), np.ones(6, "f4")

    path = write(tmp_path / "bad.h5", both)
    with pytest.raises(WeightsError, match="hold more than 100 bytes"):
        keras_file.read_variables(path)


def test_read_refuses_a_nameless_layer(tmp_path):
    path = write(tmp_path / "a.h5", lambda g: g.__setitem__("0", [[1.0]]), name=None)
    with pytest.raises(WeightsError, match="layer None has no name"):
        keras_file.read_variables(path)


def test_truncations_are_refused(tmp_path):
    model().save_weights(tmp_path / "m.weights.h5")
    whole = (tmp_path / "m.weights.h5").read_bytes()
    path = tmp_path / "cut.h5"
    for length in range(1, len(whole), 997):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"cut\.h5"):
            keras_file.read_variables(path)
