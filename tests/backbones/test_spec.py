"""Names of networks: each option is one that there is, or refused in a line."""

import pytest

from kerastransfer.backbones.spec import OwnSpec
from kerastransfer.errors import InputError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("feature=cls", r"feature=class\|mean\|both behind .* got 'cls'\.$"),
        ("preprocessing=imagnet", r"preprocessing=caffe\|.*\|none .* got 'imagnet'\.$"),
        ("size=0", r"side of 32 to 1024 pixels, got '0'\.$"),
        ("size=1025", r"side of 32 to 1024 pixels, got '1025'\.$"),
        ("size=-64", r"side of 32 to 1024 pixels, got '-64'\.$"),
    ],
)
@pytest.mark.parametrize("place", ["keras:/lab.keras", "hub:vit_base", "function:a:b"])
def test_an_option_that_there_is_not_is_refused(place, options, message):
    with pytest.raises(InputError, match=message):
        OwnSpec.parse(f"{place}?{options}")


def test_options_that_there_are_come_back():
    text = "hub:vit_base?preprocessing=halves&size=1024&feature=mean"
    assert str(OwnSpec.parse(text)) == text


def test_a_folder_in_the_current_one_hides_no_preset(tmp_path, monkeypatch):
    (tmp_path / "vit_base").mkdir()
    monkeypatch.chdir(tmp_path)
    assert OwnSpec.parse("hub:vit_base").place == "vit_base"
    for name in ("hub:./vit_base", "hub:vit_base/", f"hub:{tmp_path / 'vit_base'}"):
        assert OwnSpec.parse(name).place == str(tmp_path / "vit_base")


@pytest.mark.parametrize("kind", ["keras:", "hub:"])
def test_the_home_is_expanded(kind, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "mine").mkdir()
    assert OwnSpec.parse(f"{kind}~/mine").place == str(tmp_path / "mine")


@pytest.mark.parametrize(
    "called", ["50%25.keras", "a%20b.keras", "a b.keras", "%.keras"]
)
def test_a_percent_sign_of_a_path(called, tmp_path):
    (tmp_path / called).touch()
    spec = OwnSpec.parse(f"keras:{tmp_path / called}")
    assert spec.file == tmp_path / called
    assert OwnSpec.parse(str(spec)) == spec


def test_a_name_that_was_written_down_means_the_same_file(tmp_path):
    for called in ("a%20b.keras", "a b.keras"):
        (tmp_path / called).touch()
        spec = OwnSpec(place=str(tmp_path / called))
        assert OwnSpec.parse(str(spec)) == spec
