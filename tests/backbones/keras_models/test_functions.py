"""A function of the caller's own as a backbone: made, copied, trained, opened again."""

import dataclasses
import json
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
from helpers import miniature
from helpers.small_run import make_images

import kerastransfer as kt
from kerastransfer import cli
from kerastransfer.backbones import image_ops, table
from kerastransfer.backbones.keras_models import own
from kerastransfer.backbones.spec import OwnSpec, short
from kerastransfer.config.defaults import DataSummary, resolve
from kerastransfer.errors import InputError, MissingError
from kerastransfer.training import batch_norm
from kerastransfer.training.phase import PhaseSetup
from kerastransfer.weights import store

SIDE = 32
MODULE = '''
import keras
import numpy as np
from keras import layers


class Stage(layers.Layer):
    """Of the lab's own: a convolution, a batch norm, a gate that only it has."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.conv = layers.Conv2D(filters, 3, padding="same", use_bias=False)
        self.norm = layers.BatchNormalization()

    def build(self, shape):
        self.gate = self.add_weight(shape=(self.filters,), initializer="ones")
        self.conv.build(shape)
        self.norm.build((*shape[:-1], self.filters))

    def call(self, x):
        return swish2(self.gate * self.norm(self.conv(x)))

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


def swish2(x):
    return x * keras.ops.sigmoid(2 * x)


def make(before=layers.Rescaling(1 / 255)):
    keras.utils.set_random_seed(5)
    inputs = x = keras.Input((32, 32, 3))
    if before:
        x = before(x)
    for _ in range(7):
        x = Stage(6)(x)
    x = layers.Activation(swish2)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(4, "softmax")(layers.Dropout(0.2)(x)))


KEPT = make()


def kept():
    return KEPT


def bare():
    return make(before=None)


def adapted():
    layer = layers.Normalization()
    layer.adapt(np.random.default_rng(3).uniform(50, 150, (20, 32, 32, 3)))
    return make(before=layer)


def with_a_lambda():
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, layers.Lambda(lambda x: x + 1, name="add_one")(inputs))


class NoConfig(layers.Layer):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def call(self, x):
        return self.factor * x


def without_config():
    inputs = keras.Input((32, 32, 3))
    return keras.Model(inputs, NoConfig(2)(inputs))


class Net(keras.Model):
    def call(self, x):
        return x


def subclassed():
    net = Net()
    net.build((None, 32, 32, 3))
    return net


def unbuilt():
    return keras.Sequential([layers.Dense(3)])


def needs(folder):
    return None


def fails():
    raise OSError("no weights\\nat this place")


def text():
    return "no model"


class Tilted(layers.Layer):
    """What it computes with is drawn from its seed, and is no weight."""

    def __init__(self, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.tilt = np.random.default_rng(seed).normal(size=3).astype("f4")

    def call(self, x):
        return self.tilt * x

    def get_config(self):
        return {**super().get_config(), "seed": self.seed}


class Forgets(Tilted):
    def get_config(self):
        config = super().get_config()
        del config["seed"]
        return config


def tilted():
    return make(before=Tilted(seed=4))


def forgets():
    return make(before=Forgets(seed=4))


def of_chance():
    model = make()
    for weight in model.trainable_weights:
        weight.assign_add(np.random.default_rng().normal(size=weight.shape))
    return model


class Makers:
    make = staticmethod(make)
'''


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A package of the lab's own, on the path of this program."""
    place = tmp_path / "code" / "my_lab_of_tests"
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("")
    (place / "models.py").write_text(MODULE)
    (place / "needs_more.py").write_text("import a_module_that_there_is_not")
    (place / "broken.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(place.parent)
    yield "function:my_lab_of_tests.models"
    for name in [name for name in sys.modules if name.startswith("my_lab_of_tests")]:
        del sys.modules[name]
    table._described.cache_clear()


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(0, 255, (4, SIDE, SIDE, 3)).astype("f4")


def answers(name, images):
    backbone, loaded = table.get(name), store.load(name)
    network = backbone.build(loaded.source_classes, 5)
    for number in range(1, 9):
        network.assign(number, loaded.mapping)
    logits = network.forward(image_ops.normalise(images, backbone.preprocessing))
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits))


def test_it_computes_what_the_functions_model_does(lab, images):
    import my_lab_of_tests.models as models

    for function in ("make", "kept", "Makers.make"):
        expected = models.KEPT.predict(images, verbose=0)
        given = answers(f"{lab}:{function}", images)
        np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-5)
    backbone = table.get(f"{lab}:make")
    assert backbone.source_classes == 4
    assert backbone.blocks[7].dropout == 0.2
    # One batch norm inside each of seven layers of its own.
    assert sum(block.batch_norms for block in backbone.blocks) == 7
    unit = answers(f"{lab}:bare?preprocessing=unit", images)
    np.testing.assert_allclose(unit, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match=r"say it behind the name, .*\?preprocessing="):
        table.get(f"{lab}:bare")


def test_a_normalisation_that_was_adapted(lab, images):
    import my_lab_of_tests.models as models

    expected = models.adapted().predict(images, verbose=0)
    given = answers(f"{lab}:adapted", images)
    np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-5)


def test_batch_norms_inside_layers_obey_the_recipe(lab):
    """A tuned block keeps the source's statistics, a re-drawn one gets its own."""
    name = f"{lab}:make"
    named = {"dataset": "noise", "backbone": name, "recipe": "F1-3FT4-6R7-8"}
    summary = DataSummary(records="", weights="", num_images=4, mirror=False)
    config = resolve({**named, "epochs": (1,), "batch_size": 4}, summary)
    setup = dataclasses.replace(
        miniature.setup_of(
            config, miniature.make_examples(4, 3), backbone=table.get(name)
        ),
        source_weights=store.load(name).mapping,
    )
    network = setup.make_network()
    inside = [x for x in network.blocks[6].layers if type(x).__name__ == "Stage"]
    moving = batch_norm.moving_layers(network, setup.plans(0))
    assert moving == [stage.norm for stage in inside] != []
    before = [network.snapshot(number) for number in range(1, 9)]
    miniature.train_phase(
        PhaseSetup(setup=setup, index=0, network=network, source=setup.images())
    )
    for number, old in enumerate(before[:7], start=1):
        new = network.snapshot(number)
        variables = network.variables(number)
        for key, value in new.items():
            moved = not np.array_equal(old[key], value)
            if variables[key].name.startswith("moving"):
                assert moved == (number == 7), (number, key)
            elif value.ndim == 4:
                assert moved == (number > 3), (number, key)


def test_the_functions_own_model_is_left_alone(lab):
    keras.layers.Activation("relu")  # so that Keras counts on from it
    import my_lab_of_tests.models as models

    names = [layer.name for layer in models.KEPT.layers]
    assert "activation" not in names
    before = models.KEPT.get_weights()
    backbone = table.get(f"{lab}:kept")
    network = backbone.build(2, 1)
    network.assign(2, {n: 0 * v for n, v in network.snapshot(2).items()})
    store.load(backbone.name)
    assert [layer.name for layer in models.KEPT.layers] == names
    (dropout,) = (x for x in models.KEPT.layers if isinstance(x, keras.layers.Dropout))
    assert type(dropout.seed_generator) is keras.random.SeedGenerator
    for old, new in zip(before, models.KEPT.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_weights_drawn_anew_follow_from_the_seed(lab):
    backbone = table.get(f"{lab}:make")
    given = store.load(backbone.name).mapping
    first, again, other = (backbone.build(3, seed) for seed in (1, 1, 2))
    kernels = 0
    for name, value in first.snapshot(2).items():
        np.testing.assert_array_equal(value, again.snapshot(2)[name])
        if value.ndim == 4:
            kernels += 1
            assert (value != other.snapshot(2)[name]).any()
            assert (value != given[name]).any()
    assert kernels


def test_names_and_hash_do_not_depend_on_what_the_program_made_before(lab):
    first = store.load(f"{lab}:make")
    keras.layers.Conv2D(1, 1), keras.layers.Dense(1)
    table._described.cache_clear()
    again = store.load(f"{lab}:make")
    assert first.sha256 == again.sha256
    assert [*first.mapping] == [*again.mapping]


def test_the_hash_is_of_the_layers_too(lab):
    """A cache goes by it, and the same weights may compute something else."""
    import my_lab_of_tests.models as models

    first = store.load(f"{lab}:make").sha256
    models.twice = lambda: models.make(keras.layers.Rescaling(2 / 255))
    other = store.load(f"{lab}:twice")
    same = store.load(f"{lab}:kept")
    assert other.sha256 != first == same.sha256


def test_a_function_that_was_replaced_is_called_anew(lab):
    import my_lab_of_tests.models as models

    assert table.get(f"{lab}:make").preprocessing.scale == pytest.approx([255] * 3)
    old = models.make
    models.make = lambda: old(keras.layers.Rescaling(2 / 255))
    assert table.get(f"{lab}:make").preprocessing.scale == pytest.approx([127.5] * 3)


def test_models_of_chance_are_held_by_their_backbones(lab):
    """Of more than are remembered, each stays what it was; called again it is not."""
    names = [f"{lab}:of_chance?size={side}" for side in (32, 33, 34, 35, 36)]
    backbones = [table.get(name) for name in names]
    for backbone in backbones:
        held = backbone.held()
        kernel = held.mapping["classifier/kernel"]
        assert (
            own.weights(OwnSpec.parse(backbone.name), held.sha256)[
                "classifier/kernel"
            ].tobytes()
            == kernel.tobytes()
        )
        backbone.build(3, 0)
    with pytest.raises(InputError, match=r"called again, .* set a seed first"):
        own.weights(OwnSpec.parse(names[0]), 64 * "0")


REFUSED = [
    ("function:no_module_of_this_name:make", MissingError, r"a module 'no_module"),
    ("function:my_lab_of_tests.nothing:make", MissingError, r"'my_lab_of_tests.nothi"),
    (
        "function:my_lab_of_tests.needs_more:make",
        MissingError,
        r"needs the module 'a_module_that_there_is_not'",
    ),
    (
        "function:my_lab_of_tests.broken:make",
        InputError,
        r"raised ZeroDivisionError: 'division by zero'",
    ),
    ("function:my_lab_of_tests.models:nothing", MissingError, r"'nothing' in the mod"),
    ("function:my_lab_of_tests.models:KEPT", InputError, r"is the model itself"),
    ("function:my_lab_of_tests.models:layers", InputError, r"of the type 'module'"),
    ("function:my_lab_of_tests.models:needs", InputError, r"needs some .*'folder'"),
    ("function:my_lab_of_tests.models:text", InputError, r"keras.Model.* type 'str'"),
    ("function:my_lab_of_tests.models:unbuilt", InputError, r"model that is built"),
    ("function:my_lab_of_tests.models:fails", InputError, r"OSError: 'no weights at"),
    ("function:my_lab_of_tests.models:subclassed", InputError, r"class 'Net'.*graph"),
    ("function:my_lab_of_tests.models:with_a_lambda", InputError, r"'add_one' is a La"),
    ("function:my_lab_of_tests.models:without_config", InputError, r"get_config"),
    ("function:my_lab_of_tests.models:tilted", InputError, r"copy answers up to \d"),
    ("function:my_lab_of_tests.models:forgets", InputError, r"copy answers up to \d"),
    ("function:__main__:make", InputError, r"another program can import"),
    ("function:os", InputError, r"function:MODULE:NAME.*got 'function:os'"),
    ("function:a b:make", InputError, r"function:MODULE:NAME"),
]


@pytest.mark.parametrize(("name", "kind", "message"), REFUSED)
def test_refused_in_one_line(lab, name, kind, message):
    with pytest.raises(kind, match=message) as caught:
        table.get(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["backbones", "explain"],
        ["train", "--dataset", "digits", "--recipe", "F1-7R8", "--backbone"],
        ["features", "--dataset", "digits", "--out", "f.npz", "--backbone"],
        ["rank", "--dataset", "digits", "--backbones"],
    ],
)
def test_the_command_line_imports_no_module_because_a_name_says_so(lab, words, capsys):
    assert cli.main([*words, f"{lab}:make"]) == 1
    error = capsys.readouterr().err
    assert "of Python alone" in error and "keras:FILE.keras" in error
    assert "my_lab_of_tests.models" not in sys.modules


def test_names_hold_all_that_decides():
    spec = OwnSpec(
        kind="function:", place="my_lab.models:make", cuts=("a", "b"), size=96
    )
    assert OwnSpec.parse(str(spec)) == spec
    assert short(str(spec)) == "function-my_lab.models.make"


@pytest.mark.slow
def test_a_run_is_trained_opened_again_and_exported(lab, tmp_path, capsys):
    """Opened in another program too, whose path has the module, and by none else."""
    make_images(tmp_path / "images")
    named = {"backbone": f"{lab}:make", "records": tmp_path / "records"}
    run = kt.train(
        f"folder:{tmp_path / 'images'}",
        "F1-5FT6-7R8",
        runs=tmp_path / "runs",
        epochs=(1,),
        batch_size=8,
        cache="on",
        probe=False,
        **named,
    )
    assert run.folder.name.startswith("folder-images_function-my_lab_of_tests.models.")
    assert run.config.weights == store.load(f"{lab}:make").sha256
    opened = kt.open_run(run.folder)
    records = kt.load(f"folder:{tmp_path / 'images'}", records=tmp_path / "records")
    accuracy = opened.evaluate("test", records).accuracy
    assert accuracy == run.test.accuracy
    # Tried in a process of its own, which needs no module of the lab's.
    out = opened.export(tmp_path / "out", formats=("saved_model",), samples=6)
    certificate = json.loads((out / "certificate.json").read_text())
    assert certificate["formats"][0]["agreement"]["value"] == 1.0
    elsewhere = [
        f"""
        import sys
        {path}
        import kerastransfer as kt
        run = kt.open_run({str(run.folder)!r})
        records = kt.load(run.config.dataset, records={str(tmp_path / "records")!r})
        print(run.evaluate("test", records).accuracy.value)
        from kerastransfer.weights import store
        print(store.load(run.config.backbone).sha256 == run.config.weights)
        """
        for path in (f"sys.path.insert(0, {sys.path[0]!r})", "")
    ]
    there, nowhere = (
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            capture_output=True,
            text=True,
            check=False,
        )
        for code in elsewhere
    )
    assert there.returncode == 0, there.stderr
    assert there.stdout.split() == [str(accuracy.value), "True"]
    assert "MissingError: Expected a module 'my_lab_of_tests'" in nowhere.stderr
    capsys.readouterr()
    assert cli.main(["evaluate", str(run.folder)]) == 1
    assert "of Python alone" in capsys.readouterr().err
