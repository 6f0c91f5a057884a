"""What is said of a preset before it is downloaded, and where it is looked for."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from helpers import tiny_presets

from kerastransfer.backbones import table
from kerastransfer.backbones.keras_models import own
from kerastransfer.backbones.keras_models.origins import hub_presets
from kerastransfer.errors import InputError, MissingError
from kerastransfer.weights import store

keras_hub = pytest.importorskip("keras_hub", reason="needs the extra hub")
HANDLE = "keras/clip/keras/clip_vit_base_patch16/3"
PAGE = f"https://www.kaggle.com/models/{HANDLE}"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """KerasHub's cache, empty, and no network to fill it from."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KAGGLE_API_ENDPOINT", "http://127.0.0.1:9")
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    return tmp_path / "cache" / "models" / HANDLE


def test_the_tables_are_those_that_keras_hub_registers():
    registered = keras_hub.models.Backbone.presets
    kinds = ("clip", "dinov2", "efficientnet", "resnet", "siglip", "vit")
    images = {n: e for n, e in registered.items() if e["metadata"]["path"] in kinds}
    assert len(images) > 60
    for name, entry in images.items():
        preset = hub_presets.find(name)
        assert preset.parameters == entry["metadata"]["params"]
        assert preset.page.endswith(entry["kaggle_handle"].removeprefix("kaggle://"))
    assert not [name for name in registered if "convnext" in name.lower()]


def test_it_says_size_place_and_page_and_does_not_guess_a_licence(cache):
    said = str(hub_presets.find("clip_vit_base_patch16"))
    # 149,620,934 parameters of 4 bytes
    assert "149,620,934 parameters in all, about 598 MB" in said
    assert f"to be downloaded from www.kaggle.com to {cache}" in said
    assert f"its licence is unknown here, see {PAGE}" in said
    other = str(hub_presets.find("siglip_base_patch16_224"))
    assert "see https://huggingface.co/collections/google/siglip" in other
    assert "of unknown size" in str(hub_presets.find("hf://ann/vit"))


def test_a_dry_run_needs_neither_tensorflow_nor_a_network(cache):
    code = (
        "import sys\nfrom kerastransfer import cli\n"
        "name = 'hub:clip_vit_base_patch16'\n"
        "assert cli.main(['backbones', 'explain', name, '--dry-run']) == 0\n"
        "assert not {'tensorflow', 'keras', 'keras_hub'} & sys.modules.keys()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert "about 598 MB" in done.stdout and PAGE in done.stdout


def test_without_a_network_it_names_the_preset_its_place_and_a_folder(cache, capsys):
    with pytest.raises(InputError) as caught:
        table.get("hub:clip_vit_base_patch16")
    message = str(caught.value)
    assert "\n" not in message and "'clip_vit_base_patch16'" in message
    assert f"looked for in '{cache}'" in message
    assert message.endswith("--backbone hub:./FOLDER.")
    # said before the download was tried
    assert "about 598 MB, to be downloaded" in capsys.readouterr().err


def test_what_is_in_the_cache_is_taken_without_a_network(cache, capsys):
    made = tiny_presets.save(keras_hub, tiny_presets.clip, cache)
    tiny_presets.mark_whole(cache)
    preset = hub_presets.find("clip_vit_base_patch16")
    assert preset.at_hand and f"at hand in {cache}" in str(preset)
    table._described.cache_clear()
    held = store.load("hub:clip_vit_base_patch16").mapping
    assert "downloaded" not in capsys.readouterr().err
    layer = made.vision_encoder.encoder_layers[3].dense_1
    assert any(
        (value == layer.kernel.numpy()).all()
        for value in held.values()
        if value.shape == layer.kernel.shape
    )
    shutil.rmtree(cache.parent / ".complete")
    assert not hub_presets.find("clip_vit_base_patch16").at_hand


def test_a_preset_that_was_fetched_again_is_looked_at_anew(cache):
    name = "hub:clip_vit_base_patch16"
    made = tiny_presets.save(keras_hub, tiny_presets.clip, cache)
    kernel = made.vision_encoder.encoder_layers[3].dense_1.kernel
    for factor in (1, 2):  # other weights by the same names
        kernel.assign(factor * kernel)
        made.save_to_preset(cache)
        tiny_presets.mark_whole(cache)
        held = table.get(name).held().mapping
        assert any(np.array_equal(value, kernel) for value in held.values())


def test_a_folder_of_the_current_one(tmp_path, monkeypatch):
    tiny_presets.save(keras_hub, tiny_presets.vit, tmp_path / "folder")
    monkeypatch.chdir(tmp_path)
    backbone = table.get("hub:./folder")
    assert backbone.name == f"hub:{tmp_path / 'folder'}"
    assert str(hub_presets.find("./folder")) == "preset in the folder folder"
    (tmp_path / "clip_vit_base_patch16").mkdir()
    assert hub_presets.find("clip_vit_base_patch16").page == PAGE
    with pytest.raises(InputError, match=r"folder \(hub:./FOLDER\), got 'folder'"):
        hub_presets.find("folder")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("convnext_tiny", r"KerasHub has no ConvNeXt: take keras.*convnexttiny"),
        ("dinov2_smal", r"did you mean dinov2_small\?"),
        ("./nothing", r"a preset's folder \(hub:./FOLDER\), got './nothing'"),
    ],
)
def test_what_there_is_not(name, message):
    with pytest.raises(InputError, match=message):
        table.get(f"hub:{name}")


def test_without_keras_hub(monkeypatch):
    hub_presets._registered.cache_clear()
    monkeypatch.setattr(hub_presets.importlib.util, "find_spec", lambda name: None)
    try:
        with pytest.raises(MissingError, match=r"pip install 'kerastransfer\[hub\]'"):
            hub_presets.find("vit_base_patch16_224_imagenet")
    finally:
        hub_presets._registered.cache_clear()


def test_a_preset_with_other_layers_and_the_same_arrays_is_another(tmp_path):
    """The hash names a cache: it must not be that of outputs computed otherwise."""
    tiny_presets.save(keras_hub, tiny_presets.vit, tmp_path / "tiny")
    name = f"hub:{tmp_path / 'tiny'}"
    first = store.load(name)
    arrays = dict(first.mapping)
    table._described.cache_clear()
    assert store.load(name).sha256 == first.sha256
    settings = tmp_path / "tiny" / "config.json"
    text = settings.read_text()
    assert text.count('"layer_norm_epsilon": 1e-06') == 1
    settings.write_text(text.replace('epsilon": 1e-06', 'epsilon": 0.1'))
    table._described.cache_clear()
    other = store.load(name)
    for key, value in arrays.items():
        np.testing.assert_array_equal(value, other.mapping[key])
    assert other.sha256 != first.sha256
    own._REMEMBERED.clear()  # as in a process that did not describe it
    assert table.get(name).build(2, 0).blocks[0].input_shape[1:] == (56, 56, 3)
