import pytest

from kerastransfer.weights.readers.pickles.skipping import (
    SkippedClass,
    SkippedObject,
    stand_in,
)


@pytest.mark.parametrize(
    ("module", "name", "kind"),
    [
        ("argparse", "Namespace", SkippedClass),
        ("typing", "Any", SkippedClass),
        ("__main__", "Config", SkippedClass),
        ("yacs.config", "CfgNode", SkippedClass),
        ("numpy._core.multiarray", "scalar", SkippedClass),
        ("torch.nn.functional", "relu", SkippedObject),
        ("argparse", "FileType", None),  # it opens files
        ("subprocess", "Popen", None),
        ("os", "PathLike", None),
        ("builtins", "eval", None),
        ("__builtins__", "eval", None),
        ("torch", "QInt8Storage", None),
        ("mine", "Outer.Inner", None),
        ("mine", "", None),
    ],
)
def test_what_stands_in(module, name, kind):
    substitute = stand_in(module, name)
    assert type(substitute) is (kind or type(None))
    if kind:
        assert substitute.name == f"{module}.{name}"


def test_a_stand_in_gives_nothing_away():
    made = SkippedClass("mine.Config")(1, [2])
    assert made.name == "mine.Config"
    assert not callable(made)
    made.set_state({"name": "other"})
    assert made.name == "mine.Config"
