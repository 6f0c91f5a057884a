import keras
import pytest

from kerastransfer.backbones.keras_models.head import recognise

LAYERS = keras.layers


def model(*layers, shape=(8, 8, 3)):
    return keras.Sequential([keras.Input(shape), *layers])._functional


def pooled(*layers):
    return model(LAYERS.GlobalAveragePooling2D(name="pool"), *layers)


@pytest.mark.parametrize(
    "end",
    [
        [LAYERS.Dense(5)],
        [LAYERS.Dense(5, "softmax")],
        [LAYERS.Dense(5), LAYERS.Softmax()],
        [LAYERS.Dense(5), LAYERS.Activation("sigmoid")],
    ],
)
def test_a_dense_classifier_with_what_may_follow_it(end):
    head = recognise(pooled(*end))
    assert head.classifier is end[0]
    assert (head.num_classes, head.dropout, head.feature.shape) == (5, 0, (None, 3))


def test_dropout_before_it_is_no_part_of_the_feature():
    head = recognise(pooled(LAYERS.Dropout(0.3), LAYERS.Dense(5)))
    assert head.dropout == 0.3
    assert head.feature._keras_history.operation.name == "pool"


def test_a_classifier_that_is_a_convolution():
    head = recognise(
        model(
            LAYERS.GlobalAveragePooling2D(keepdims=True),
            LAYERS.Dropout(0.2),
            LAYERS.Conv2D(7, 1, name="logits"),
            LAYERS.Flatten(),
            LAYERS.Softmax(),
        )
    )
    assert (head.classifier.name, head.num_classes, head.dropout) == ("logits", 7, 0.2)
    assert head.feature.shape == (None, 1, 1, 3)


def test_a_flattened_map_is_the_feature():
    head = recognise(model(LAYERS.Flatten(name="flat"), LAYERS.Dense(4)))
    assert head.feature.shape == (None, 8 * 8 * 3)


@pytest.mark.parametrize(
    "end", [LAYERS.Conv2D(4, 1), LAYERS.ReLU(), LAYERS.GlobalAveragePooling2D()]
)
def test_a_model_that_ends_in_features_has_none(end):
    whole = model(end)
    head = recognise(whole)
    assert head.classifier is None and head.num_classes is None
    assert head.feature is whole.outputs[0]
