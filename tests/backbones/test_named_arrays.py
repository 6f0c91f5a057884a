"""A network of two layers in files as training scripts write them."""

import numpy as np
import pytest

from kerastransfer.backbones.named_arrays import Naming, find_network
from kerastransfer.errors import WeightsError

FEATURES = 3
NAMING = Naming(
    trunk=("features.0.weight", "features.0.bias", "fc.weight", "fc.bias"),
    head="out",
    is_trunk=lambda name: name.startswith(("features.", "fc.")),
)
RNG = np.random.default_rng(0)
TRUNK = {
    "features.0.weight": RNG.normal(size=(2, 3, 1, 1)),
    "features.0.bias": RNG.normal(size=2),
    "fc.weight": RNG.normal(size=(3, 2)),
    "fc.bias": RNG.normal(size=3),
}
HEAD = {"out.weight": RNG.normal(size=(4, 3)), "out.bias": RNG.normal(size=4)}
STATE = TRUNK | HEAD


def under(prefix, arrays):
    return {prefix + name: array for name, array in arrays.items()}


def changed(arrays):
    return {name: array + 1 for name, array in arrays.items()}


@pytest.mark.parametrize(
    "prefix",
    [
        *("", "module.", "_orig_mod.", "model.", "net.", "backbone.", "state_dict."),
        *("state_dict.model.module.", "_orig_mod.module.", "model.encoder.0."),
        "state_dict.module._orig_mod.",
    ],
)
def test_every_prefix_is_taken_off(prefix):
    network = find_network(under(prefix, STATE), [NAMING], FEATURES)
    for name, array in TRUNK.items():
        assert network[name] is array
    ported = network.ported({}, "fc8")
    np.testing.assert_array_equal(ported.weights["fc8/kernel"], HEAD["out.weight"].T)
    np.testing.assert_array_equal(ported.weights["fc8/bias"], HEAD["out.bias"])
    called = f"'features.0.weight' is called '{prefix}features.0.weight'"
    assert ported.remarks == ((called,) if prefix else ())
    assert ported.skipped == ()


def test_wrappers_in_the_middle_of_a_name_are_taken_out():
    state = {n.replace("features.", "features.module."): a for n, a in STATE.items()}
    network = find_network(state, [NAMING], FEATURES)
    assert network["features.0.weight"] is STATE["features.0.weight"]


def test_what_lies_beside_the_network_is_named_or_counted():
    state = under("state_dict.model.", STATE)
    state |= {"state_dict.loss.weight": np.ones(4), "epoch": np.array(3)}
    state |= {f"optimizer.state.{n}.exp_avg": np.ones(2) for n in range(7)}
    state["state_dict.model.bn.num_batches_tracked"] = np.array(1)
    network = find_network(state, [NAMING], FEATURES)
    assert network.skipped == ("state_dict.loss.weight", "epoch", "7 under 'optimizer'")


@pytest.mark.parametrize("average", ["model_ema.module.", "state_dict_ema.", "ema."])
@pytest.mark.parametrize("turned", [False, True])
def test_of_weights_and_their_average_the_average_is_taken(average, turned):
    parts = [under("model.", changed(STATE)), under(average, STATE)]
    state = {**parts[not turned], **parts[turned]}
    network = find_network(state, [NAMING], FEATURES)
    assert network["fc.bias"] is STATE["fc.bias"]
    plain = average.replace("module.", "")
    assert network.remarks[1] == (
        f"the running average under '{plain}' was taken, as timm does, not the weights "
        "under 'model.'"
    )
    assert network.kernel == f"{average}out.weight"


def test_an_average_alone_is_just_a_prefix():
    network = find_network(under("model_ema.", STATE), [NAMING], FEATURES)
    assert len(network.remarks) == 1


def test_several_networks_are_refused():
    state = under("encoder_q.", STATE) | under("encoder_k.", STATE)
    with pytest.raises(WeightsError, match=r"'encoder_q\.', 'encoder_k\.'; save"):
        find_network(state, [NAMING], FEATURES)
    state = under("a.", STATE) | under("b.", STATE) | under("ema.", STATE)
    with pytest.raises(WeightsError, match="several such networks"):
        find_network(state, [NAMING], FEATURES)


def test_a_classifier_beside_the_network_is_its_head():
    state = under("model.backbone.", TRUNK)
    state |= {"model.head.weight": HEAD["out.weight"], "model.head.bias": np.ones(4)}
    network = find_network(state, [NAMING], FEATURES)
    assert (network.kernel, network.bias) == ("model.head.weight", "model.head.bias")
    assert network.ported({}, "fc8").remarks[-1] == (
        "its classifier is called 'model.head'"
    )


def test_hidden_layers_and_several_tasks_are_no_classifier():
    deep = {"h.0.weight": np.ones((5, 3)), "h.2.weight": np.ones((2, 5))}
    tasks = {"a.weight": np.ones((5, 3)), "b.weight": np.ones((2, 3))}
    for more, skipped in (
        (deep, ("2 under 'h'",)),
        (tasks, ("a.weight", "b.weight")),
        ({}, ()),
    ):
        network = find_network(TRUNK | more, [NAMING], FEATURES)
        assert network.kernel == network.bias == ""
        assert network.skipped == skipped
        assert network.ported({}, "fc8").weights == {}


def test_an_array_between_the_blocks_makes_it_another_network():
    for name in ("features.1.weight", "fc.scale"):
        state = under("model.", STATE | {name: np.ones(3)})
        with pytest.raises(WeightsError, match=f"has '{name}' left over"):
            find_network(state, [NAMING], FEATURES)


def test_what_is_missing_is_named_without_the_prefix():
    state = under("model.", {n: a for n, a in STATE.items() if n != "fc.bias"})
    state["model.x"] = np.ones(1)
    with pytest.raises(WeightsError, match=r"misses 'fc.bias' and has 'x' left over\."):
        find_network(state, [NAMING], FEATURES)


def test_the_naming_with_most_matches_is_taken():
    other = Naming(trunk=("a", "fc.bias"), head="b", is_trunk=lambda name: False)
    network = find_network(STATE, [other, NAMING], FEATURES)
    assert network.naming is NAMING
