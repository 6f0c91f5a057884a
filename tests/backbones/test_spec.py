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
