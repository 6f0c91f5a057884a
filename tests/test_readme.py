"""The README is the manual: every command in it runs."""

import re
import subprocess
import sys
from pathlib import Path

import keras
import pytest
from helpers import miniature_archives, tiny_presets
from helpers.warm import WarmProcess
from PIL import Image
from sklearn.datasets import load_sample_images

from kerastransfer import cli
from kerastransfer.backbones.keras_models.origins import hub_presets

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
]
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
# The two commands that begin with pip; .ci/run runs them as they stand.
INSTALLS = [line for line in COMMANDS if line.startswith("python -m pip")]
OURS = [line for line in COMMANDS if line.startswith("kerastransfer")]


def test_every_command_is_one_that_is_run():
    assert sorted(COMMANDS) == sorted(INSTALLS + OURS)
    assert len(INSTALLS) == 2
    script = re.sub(r"\\\n\s*", "", (ROOT / ".ci" / "run").read_text())
    for line in INSTALLS:
        assert line.split(" && ")[1] in script, line


def test_every_command_of_the_program_stands_in_the_readme():
    for name in cli.COMMANDS:
        assert f"kerastransfer {name}" in README, name


@pytest.mark.slow
def test_the_commands_run_in_the_order_of_the_readme(tmp_path, monkeypatch):
    if not Path("/usr/share/datasets/fashion-mnist").is_dir():
        pytest.skip("needs the Debian package dataset-fashion-mnist")
    # The usual home, below a home of the test's own.
    monkeypatch.delenv("KERASTRANSFER_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    # The venv's own console script, whatever the shell's path holds.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), ":")
    _make_own_images(tmp_path)
    _make_lab_model(tmp_path / "lab.keras")
    _make_preset(hub_presets.find("dinov2_small").folder)  # below this home
    (tmp_path / "archives").mkdir()
    miniature_archives.plankton_in_bulk(tmp_path / "archives")
    first = INSTALLS[0].split(" && ")[1]
    for line in [first, *OURS]:
        code, out, told = _run(line, tmp_path)
        assert code == 0, f"{line}\n{told}"
        assert out.strip(), line
        assert "Traceback" not in told, line
    # In one program, as a reader would go on typing.
    script = tmp_path / "readme.py"
    script.write_text("\n".join(PYTHON), encoding="utf-8")
    process = WarmProcess(script, cwd=tmp_path)
    out, told = process.communicate()
    assert process.returncode == 0, told
    accuracy, to_beat, *_ = out.splitlines()
    assert re.fullmatch(r"\d+\.\d % \(.*\), n = 500", accuracy)
    assert to_beat.endswith("n = 500, logistic regression")


def _run(line: str, place: Path) -> tuple[int, str, str]:
    """Run a line: its words as the shell reads them, by the script that it would find.

    .ci/run starts the installed script from a shell; here each of two dozen programs
    would import TensorFlow first.
    """
    split = subprocess.run(
        ["bash", "-c", f"type -P kerastransfer; printf '%s\\n' {line}"],
        cwd=place,
        capture_output=True,
        text=True,
        check=True,
    )
    script, program, *words = split.stdout.splitlines()
    assert program == "kerastransfer" and not split.stderr, line
    process = WarmProcess(script, *words, cwd=place)
    out, told = process.communicate()
    return process.returncode, out, told


def _make_lab_model(path: Path) -> None:
    """A model such as a lab has, its weights drawn at random."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((64, 64, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1)(x)
    body = keras.applications.MobileNetV2(
        weights=None, include_top=False, input_shape=(64, 64, 3)
    )
    x = keras.layers.GlobalAveragePooling2D()(body(x, training=False))
    x = keras.layers.Dense(5, "softmax")(keras.layers.Dropout(0.2)(x))
    keras.Model(inputs, x).save(path)


def _make_preset(folder: Path) -> None:
    """Put a tiny network, drawn at random, where a download of KerasHub's would be."""
    keras_hub = pytest.importorskip("keras_hub", reason="needs the extra hub")
    network = keras_hub.models.DINOV2Backbone(
        patch_size=14,
        num_layers=12,
        hidden_dim=16,
        num_heads=2,
        intermediate_dim=32,
        image_shape=(56, 56, 3),
    )
    network.save_to_preset(str(folder))
    converter = keras_hub.layers.DINOV2ImageConverter(
        image_size=(56, 56), scale=1 / 127.5, offset=-1.0
    )
    converter.save_to_preset(str(folder))
    tiny_presets.mark_whole(folder)


def _make_own_images(folder: Path) -> None:
    """Two classes of crops from scikit-learn's photographs, and a CSV of them."""
    rows = ["path,label"]
    for name, image in zip(
        ("temple", "flower"), load_sample_images().images, strict=True
    ):
        (folder / "my_images" / name).mkdir(parents=True)
        for number in range(30):
            top, left = 9 * number, 14 * number
            path = Path("my_images", name, f"{number:02}.png")
            crop = Image.fromarray(image[top : top + 150, left : left + 200])
            crop.save(folder / path)
            rows.append(f"{path},{name}")
    (folder / "my_images.csv").write_text("\n".join(rows) + "\n")
