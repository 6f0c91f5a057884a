"""Keras as its users have set it: our defaults within a call, theirs after it."""

import json
import os
import subprocess
import sys
import threading

import keras
import pytest
import tensorflow as tf
from keras.src.backend.common import global_state

import kerastransfer as kt
from kerastransfer.errors import InputError
from kerastransfer.foundation import keras_settings
from kerastransfer.foundation.keras_settings import KerasSettings, own_settings
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.runs.finished import Run

THEIRS = {
    "floatx": "float64",
    "epsilon": 1e-3,
    "image_data_format": "channels_first",
    "max_epochs": 1,
    "max_steps": 2,
}


@pytest.fixture(autouse=True)
def as_it_was():
    before = KerasSettings.current()
    yield
    before.apply()


def test_our_defaults_are_those_of_keras(tmp_path):
    code = (
        "from kerastransfer.foundation.keras_settings import KerasSettings\n"
        "assert KerasSettings.current() == KerasSettings()\n"
    )
    env = {**os.environ, "KERAS_HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], env=env, check=True)


@pytest.mark.parametrize("policy", [None, "mixed_float16", "bfloat16", "float64"])
def test_the_users_settings_come_back(policy):
    policy = policy and keras.DTypePolicy(policy)
    theirs = KerasSettings(**THEIRS, policy=policy)
    theirs.apply()
    with own_settings():
        assert KerasSettings.current() == KerasSettings()
        layer = keras.layers.Conv2D(2, 3)
        layer.build((None, 8, 8, 3))
        assert layer.data_format == "channels_last"
        assert {v.dtype for v in layer.weights} == {"float32"}
        assert layer.compute_dtype == "float32"
        with own_settings():
            pass
        assert keras.config.floatx() == "float32"
    assert KerasSettings.current() == theirs
    with pytest.raises(KeyError), own_settings():
        raise KeyError
    assert KerasSettings.current() == theirs


def test_no_policy_is_set_where_there_was_none():
    """One that is set once stands, whatever floatx becomes."""
    KerasSettings().apply()
    with own_settings():
        keras.layers.Dense(1)  # Keras sets one
    assert global_state.get_global_attribute("dtype_policy") is None
    keras.config.set_floatx("float64")
    assert keras.layers.Dense(1).compute_dtype == "float64"


def test_a_thread_that_begins_within_has_our_policy():
    KerasSettings(**THEIRS).apply()
    seen = []
    with own_settings():
        thread = threading.Thread(
            target=lambda: seen.append(keras.layers.Dense(1).compute_dtype)
        )
        thread.start()
        thread.join()
    assert seen == ["float32"]


def test_every_call_that_builds_a_network_is_under_our_defaults():
    calls = [kt.train, kt.plan, kt.tune, kt.predict, kt.features, kt.distance]
    calls += [Run.blocks, Run.network, Run.evaluate, Run.export]
    for call in calls:
        assert hasattr(call, "__wrapped__"), call.__name__


def test_another_backend_is_refused_in_a_line(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(InputError, match="'jax', which it keeps; call") as caught:
        kt.train("digits", "F1-7R8")
    assert "\n" not in str(caught.value)


def test_keras_2_is_refused_in_a_line(monkeypatch):
    monkeypatch.setattr(keras, "__version__", "2.15.0")
    with pytest.raises(InputError, match=r"Expected Keras 3, got 2\.15\.0; pip"):
        kt.features("digits", out="x.npz")


def test_graphs_are_refused_in_a_line():
    with (
        tf.Graph().as_default(),
        pytest.raises(InputError, match="Expected TensorFlow to execute eagerly"),
    ):
        import_quietly()
    import_quietly()


REFUSED = """
import json, os, pathlib, sys
from kerastransfer.errors import InputError
from kerastransfer.foundation.tensorflow_import import import_quietly
home = pathlib.Path(os.environ["KERAS_HOME"])
for text in json.loads(sys.argv[1]):
    (home / "keras.json").write_text(text, encoding="utf-8")
    try:
        import_quietly()
    except InputError as error:
        print(error)
os.environ["KERAS_MAX_EPOCHS"] = "many"
(home / "keras.json").write_text("{no JSON", encoding="utf-8")
try:
    import_quietly()
except InputError as error:
    print(error)
del os.environ["KERAS_MAX_EPOCHS"]
import_quietly()
import keras
print(keras.config.backend(), os.environ.get("KERAS_BACKEND"))
"""


def test_settings_that_keras_refuses_are_one_line_and_can_be_mended(tmp_path):
    odd = [
        {"floatx": "bfloat16"},
        {"epsilon": 1},
        {"image_data_format": "NHWC"},
        ["tensorflow"],
    ]
    ended = subprocess.run(
        [sys.executable, "-c", REFUSED, json.dumps([json.dumps(one) for one in odd])],
        env={**os.environ, "KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        check=False,
    )
    *lines, last = ended.stdout.splitlines()
    assert len(lines) == 5, ended.stderr
    for line in lines:
        assert line.startswith(f"Keras cannot begin with '{tmp_path}/keras.json' or")
        assert line.endswith("mend or remove them.")
    assert "`floatx`" in lines[0] and "invalid literal" in lines[-1]
    assert last == "tensorflow torch"
    assert "KERAS_BACKEND is 'torch', which kerastransfer cannot use" in ended.stderr


def test_the_decorator_keeps_name_and_result():
    @keras_settings.ours
    def double(number):
        """Say so."""
        return 2 * number

    assert (double(3), double.__name__, double.__doc__) == (6, "double", "Say so.")
