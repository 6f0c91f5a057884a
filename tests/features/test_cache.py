"""The prefix cache: never stale, never wrong, safe with several processes."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import miniature
from helpers.disks import small_disk

from kerastransfer import cli
from kerastransfer.backbones import table
from kerastransfer.features import cache_inventory
from kerastransfer.features.cache import Cache, Identity
from kerastransfer.features.fill import Filler
from kerastransfer.features.image_set import ImageSet

FACTS = miniature.BACKBONE.preprocessing
EXAMPLES = miniature.make_examples(40, 6)
ALL = np.arange(40)
CUT = 3


def make_network(seed=7):
    network = miniature.build(5, 0)
    weights = miniature.source_weights(seed)
    for number in range(1, 9):
        network.assign(number, weights)
    return network


def identify(network, **changes):
    made = Identity.of(network, miniature.BACKBONE, CUT, "records", "float32")
    return dataclasses.replace(made, **changes)


def wanted(positions=ALL, number=0):
    return ImageSet.in_split("train", np.asarray(positions), number)


def make_filler(home, parts, network=None, **changes):
    network = network or make_network()
    shape = network.blocks[CUT - 1].output_shape[1:]
    sizes = {split: EXAMPLES.size(split) for split in ("train", "val", "test")}
    cache = Cache(home, identify(network, **changes), shape, sizes)
    return Filler(cache, network, FACTS, EXAMPLES, CUT, parts)


def test_outputs_are_kept_and_only_what_is_missing_is_computed(tmp_path):
    first = make_filler(tmp_path, [wanted(range(10))])
    assert (first.num_missing, first.num_bytes) == (10, 10 * first.cache.row_bytes)
    first.fill()
    more = make_filler(tmp_path, [wanted(range(5, 20)), wanted([3], number=7)])
    assert [part.positions.tolist() for part in more.missing] == [
        list(range(10, 20)),
        [3],
    ]
    seen = []
    more.fill(lambda done, total: seen.append((done, total)))
    assert seen == [(10, 11), (11, 11)]
    plain = make_filler(tmp_path / "elsewhere", [wanted()])
    np.testing.assert_array_equal(
        more.read(wanted(range(20))), plain.compute(wanted(range(20)))
    )
    np.testing.assert_array_equal(
        more.read(wanted([3], 7)), plain.compute(wanted([3], 7))
    )


def test_the_key_changes_with_whatever_the_outputs_follow_from():
    network, other = make_network(), make_network(8)
    facts = dataclasses.replace(FACTS, interpolation="bicubic")
    backbone = dataclasses.replace(miniature.BACKBONE, preprocessing=facts)
    keys = [
        identify(network).key,
        identify(other).key,
        identify(network, records="others").key,
        identify(network, dtype="float16").key,
        identify(network, cut=2).key,
        identify(network, tensorflow="3.0").key,
        identify(network, backbone="another").key,
        Identity.of(network, backbone, CUT, "records", "float32").key,
    ]
    assert len(set(keys)) == len(keys)
    assert identify(make_network()).key == keys[0]


def own_model(place, activation):
    """Of the same names and weights, whatever it computes."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((8, 8, 3))
    x = keras.layers.Rescaling(1 / 255)(x)
    for number in range(7):
        name = f"conv{number}"
        x = keras.layers.Conv2D(2, 1, activation=activation, name=name)(x)
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    keras.Model(inputs, x).save(place)


def test_a_users_model_that_computes_something_else_has_another_key(tmp_path):
    name = f"keras:{tmp_path / 'lab.keras'}"
    identities = []
    for activation in ("relu", "tanh"):
        own_model(tmp_path / "lab.keras", activation)
        backbone = table.get(name)
        network = backbone.build(2, 0)
        for number in range(1, 8):
            network.assign(number, backbone.held().mapping)
        identities.append(Identity.of(network, backbone, CUT, "records", "float32"))
    first, second = identities
    assert first.weights == second.weights
    assert first.key != second.key


def test_the_key_of_a_network_of_the_table_is_what_it_was():
    made = Identity(
        backbone="resnet50",
        cut=3,
        weights="ab",
        preprocessing="{}",
        records="cd",
        dtype="float32",
        tensorflow="2.21.0",
    )
    assert made.key == "ec413fd50b74d228"


def test_weights_above_the_cut_do_not_count():
    network = make_network()
    before = identify(network).key
    network.assign(CUT + 1, miniature.source_weights(8))
    assert identify(network).key == before
    network.assign(CUT, miniature.source_weights(8))
    assert identify(network).key != before


@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "other"])
def test_damage_is_found_and_mended(tmp_path, damage):
    filler = make_filler(tmp_path, [wanted()])
    filler.fill()
    (path,) = tmp_path.glob("*/train-view0.rows.npy")
    whole = path.read_bytes()
    content = bytearray(whole)
    if damage == "flip":
        content[len(content) // 2] ^= 16
    elif damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "other":
        content = bytearray(b"hello")
    path.write_bytes(content)
    if damage == "remove":
        path.unlink()
    again = make_filler(tmp_path, [wanted()])
    assert again.num_missing == (1 if damage == "flip" else 40)
    again.fill()
    assert path.read_bytes() == whole


def test_half_precision_is_half_the_size_and_near(tmp_path):
    single = make_filler(tmp_path, [wanted()])
    half = make_filler(tmp_path, [wanted()], dtype="float16")
    assert half.num_bytes * 2 == single.num_bytes
    half.fill()
    single.fill()
    ours, exact = half.read(wanted()), single.read(wanted())
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours, exact.astype(np.float16))


FILL = """
import sys
import numpy as np
sys.path[:0] = sys.argv[2:]
import test_cache
filler = test_cache.make_filler(test_cache.Path(sys.argv[1]), [test_cache.wanted()])
print("ready", flush=True)
sys.stdin.readline()
seen = []
filler.fill(lambda done, total: seen.append(total))
print(int(bool(seen)))
"""


def fillers(home, count):
    here = Path(__file__).parent
    command = [sys.executable, "-c", FILL, str(home), str(here), str(here.parent)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(command, **pipes) for _ in range(count)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    return processes


def test_of_two_processes_one_fills_and_the_other_reads(tmp_path):
    processes = fillers(tmp_path, 2)
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    computed = [int(process.communicate(timeout=120)[0]) for process in processes]
    assert all(process.returncode == 0 for process in processes)
    assert sorted(computed) == [0, 1]
    filler = make_filler(tmp_path, [wanted()])
    assert filler.num_missing == 0
    expected = make_filler(tmp_path / "alone", []).compute(wanted())
    np.testing.assert_array_equal(filler.read(wanted()), expected)


def test_a_process_that_is_killed_while_it_fills_hides_nothing(tmp_path):
    (process,) = fillers(tmp_path, 1)
    process.stdin.write("\n")
    process.stdin.flush()
    while not list(tmp_path.glob("*/train-view0.sums.npy")):
        time.sleep(0.001)
    process.kill()
    process.communicate()
    filler = make_filler(tmp_path, [wanted()])
    filler.fill()  # nobody holds the lock
    expected = make_filler(tmp_path / "alone", []).compute(wanted())
    np.testing.assert_array_equal(filler.read(wanted()), expected)


def test_a_full_disk_is_an_error_and_loses_no_other_row(tmp_path):
    (tmp_path / "disk").mkdir()
    filler = make_filler(tmp_path / "disk", [wanted()])
    with small_disk(tmp_path / "disk", 5 * filler.cache.row_bytes + 2**15):
        make_filler(tmp_path / "disk", [wanted([0, 1])]).fill()
        rest = make_filler(tmp_path / "disk", [wanted()])
        assert rest.num_missing == 38
        with pytest.raises(OSError, match="No space left"):
            rest.fill()
        again = make_filler(tmp_path / "disk", [wanted([0, 1])])
        assert again.num_missing == 0
        expected = make_filler(tmp_path / "alone", []).compute(wanted([0, 1]))
        np.testing.assert_array_equal(again.read(wanted([0, 1])), expected)


def test_a_cache_that_is_pruned_while_it_is_waited_for_is_made_anew(tmp_path):
    make_filler(tmp_path, [wanted([0])]).fill()
    waiting = make_filler(tmp_path, [wanted()])
    (entry,) = cache_inventory.entries(tmp_path)
    cache_inventory.remove(entry)
    assert not entry.folder.exists()
    waiting.fill()
    assert make_filler(tmp_path, [wanted()]).num_missing == 0
    assert len(cache_inventory.entries(tmp_path)) == 1


def run_cli(capsys, *arguments):
    code = cli.main(["features", *arguments])
    return code, capsys.readouterr()


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTRANSFER_HOME", str(tmp_path))
    return tmp_path


def test_caches_are_listed_and_pruned(home, capsys):
    code, told = run_cli(capsys, "list")
    assert code == 0 and "No caches" in told.out
    make_filler(home / "features", [wanted()]).fill()
    make_filler(home / "features", [wanted()], dtype="float16").fill()
    paths = sorted((home / "features").iterdir())
    long_ago = time.time() - 40 * 86_400
    os.utime(paths[0] / cache_inventory.META, (long_ago, long_ago))
    code, told = run_cli(capsys, "list")
    assert code == 0
    for path in paths:
        assert path.name in told.out
    assert "blocks 1-3 of miniature" in told.out and "40 days" in told.out
    code, told = run_cli(capsys, "list", "--json")
    rows = json.loads(told.out)
    assert {row["key"] for row in rows} == {path.name for path in paths}
    assert all(row["bytes"] > 0 for row in rows)
    code, told = run_cli(capsys, "prune", "--older-than", "30")
    assert code == 0 and "1 cache" in told.out
    assert not paths[0].exists() and paths[1].exists()
    (paths[1] / "thesis.txt").write_text("years of work")
    code, told = run_cli(capsys, "prune", "--all")
    assert code == 0
    assert [path.name for path in paths[1].iterdir()] == ["thesis.txt"]


def test_pruning_needs_to_be_told_what(home, capsys):
    code, told = run_cli(capsys, "prune")
    assert code == 1 and "--older-than DAYS or --all" in told.err


def test_a_cache_that_is_being_filled_is_not_pruned(tmp_path):
    filler = make_filler(tmp_path, [wanted([0])])
    with filler.cache.locked():
        (entry,) = cache_inventory.entries(tmp_path)
        with pytest.raises(ValueError, match="nobody to fill"):
            cache_inventory.remove(entry)
    assert entry.folder.exists()
