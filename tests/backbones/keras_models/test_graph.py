import random

import keras
import numpy as np

from kerastransfer.backbones.keras_models import graph


def layer_names(model):
    return [place.layer for place in graph.bottlenecks(model)]


def branched():
    inputs = keras.Input((8, 8, 3), name="images")
    x = keras.layers.Conv2D(4, 3, padding="same", name="first")(inputs)
    left = keras.layers.Conv2D(4, 3, padding="same", name="left")(x)
    x = keras.layers.Add(name="joined")([x, left])
    return keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="pool")(x))


def test_a_branch_is_no_bottleneck():
    assert layer_names(branched()) == ["images", "first", "joined", "pool"]


def test_two_tensors_side_by_side_are_none():
    inputs = keras.Input((4,), name="images")
    left = keras.layers.Dense(4, name="left")(inputs)
    right = keras.layers.Dense(4, name="right")(inputs)
    last = keras.layers.Concatenate(name="last")([left, right])
    assert layer_names(keras.Model(inputs, last)) == ["images", "last"]


def test_models_inside_are_unfolded_and_share_their_weights():
    inner = branched()
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(2, name="answer")(inner(inputs, training=False))
    outer = keras.Model(inputs, outputs)
    flat = graph.unfolded(outer)
    assert layer_names(flat) == ["images", "first", "joined", "pool", "answer"]
    assert {id(w) for w in flat.weights} == {id(w) for w in outer.weights}
    x = np.random.default_rng(0).normal(0, 1, (3, 8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(flat(x), outer(x))


def test_layers_of_one_name_in_different_models_are_told_apart():
    def inner(start):
        x = keras.layers.Conv2D(3, 1, name="conv2d")(start)
        return keras.Model(start, keras.layers.ReLU(name="images")(x))

    inputs = keras.Input((8, 8, 3))
    x = inner(keras.Input((8, 8, 3), name="a"))(inputs)
    x = inner(keras.Input((8, 8, 3), name="b"))(x)
    outer = keras.Model(inputs, keras.layers.Conv2D(2, 1, name="conv2d")(x))
    flat = graph.unfolded(outer)
    names = ["images", "conv2d_inner", "images_inner"]
    names += ["conv2d_inner_2", "images_inner_2", "conv2d"]
    assert layer_names(flat) == layer_names(graph.unfolded(outer)) == names
    again = keras.Model.from_config(outer.get_config())  # as what is drawn anew
    assert layer_names(graph.unfolded(again)) == names
    assert {id(w) for w in flat.weights} == {id(w) for w in outer.weights}
    x = np.random.default_rng(0).normal(0, 1, (3, 8, 8, 3)).astype(np.float32)
    np.testing.assert_array_equal(flat(x), outer(x))


def test_a_sequential_model_is_unfolded_too():
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), branched(), keras.layers.Dense(2, name="answer")]
    )
    assert layer_names(graph.unfolded(model))[-1] == "answer"
    assert "joined" in layer_names(graph.unfolded(model))


def test_a_mode_fixed_in_the_graph_does_not_bind_recipes():
    drop = keras.Sequential([keras.Input((50,)), keras.layers.Dropout(0.5)])
    inputs = keras.Input((50,))
    flat = graph.unfolded(keras.Model(inputs, drop(inputs, training=False)))
    ones = np.ones((1, 50), np.float32)
    assert (np.asarray(flat(ones, training=True)) == 0).any()
    assert (np.asarray(flat(ones, training=False)) == 1).all()


def test_layers_without_a_name_are_numbered_as_in_a_new_program():
    for _ in range(2):  # the second model's go on counting
        inputs = keras.Input((8, 8, 3))
        x = keras.layers.Conv2D(2, 1)(inputs)
        x = keras.layers.Conv2D(2, 1, name="conv2d_kept_by_its_author")(x)
        x = keras.layers.ReLU()(keras.layers.Conv2D(2, 1)(x) + 1.0)
        model = keras.Model(inputs, x)
    graph.number_from_zero(model)
    names = [operation.name for operation in model.operations[1:]]
    assert names == ["conv2d", "conv2d_kept_by_its_author", "conv2d_1", "add", "re_lu"]


def test_a_seed_decides_all_weights_and_leaves_the_users_numbers_alone():
    def drawn(seed):
        with graph.seeded(seed):
            return keras.layers.Dense(4), keras.layers.Dense(4)

    random.seed(5)
    expected = random.random()
    random.seed(5)
    kernels = []
    for seed in (1, 1, 2):
        for layer in drawn(seed):
            layer.build((None, 3))
            kernels.append(layer.kernel.numpy())
    assert random.random() == expected
    np.testing.assert_array_equal(kernels[0], kernels[2])
    assert (kernels[0] != kernels[1]).any()
    assert (kernels[0] != kernels[4]).any()
