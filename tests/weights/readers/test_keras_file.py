"""Files that Keras wrote, and HDF5 files that it would not write."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import h5py
import keras
import numpy as np
import pytest

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


def test_read_refuses_a_layer_it_cannot_name(tmp_path):
    inputs = keras.Input((4,))
    x = keras.layers.BatchNormalization(center=False, scale=False, name="bare")(inputs)
    keras.Model(inputs, x).save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(WeightsError, match=r"'bare' has variables of shapes \[\(4,\)"):
        keras_file.read_variables(tmp_path / "m.weights.h5")


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
