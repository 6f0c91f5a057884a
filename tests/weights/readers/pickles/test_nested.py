import pytest

from kerastransfer.weights.readers.guard import DamageError
from kerastransfer.weights.readers.pickles import nested


def test_named_joins_the_keys_and_leaves_the_rest():
    value = {"model": {"fc.weight": 1.5}, "list": [2.5, (3.5,)], 7: {"x": "text"}}
    assert nested.named(value, float) == {
        "model.fc.weight": 1.5,
        "list.0": 2.5,
        "list.1.0": 3.5,
    }
    assert nested.named(4.5, float) == {"": 4.5}


def test_named_looks_into_a_container_once():
    shared = {"w": 1.5}
    assert nested.named({"a": shared, "b": shared}, float) == {"a.w": 1.5}
    itself = {"w": 1.5}
    itself["again"] = itself
    assert nested.named(itself, float) == {"w": 1.5}
    wide = [1.5]
    for _ in range(18):  # 2**18 ways to the number
        wide = [wide, wide]
    assert len(nested.named(wide, float)) == 1


def test_named_refuses_depths_and_double_names():
    deep = {"w": 1.5}
    for _ in range(30):
        deep = {"x": deep}
    with pytest.raises(DamageError, match="more than 20 deep"):
        nested.named(deep, float)
    with pytest.raises(DamageError, match=r"two of its tensors are called 'a\.b'"):
        nested.named({"a.b": 1.5, "a": {"b": 2.5}}, float)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ({"classes": ["ant", "bee"]}, ("ant", "bee")),
        ({"meta": {"CLASSES": ("ant", "bee")}}, ("ant", "bee")),
        ({"class_to_idx": {"bee": 1, "ant": 0}}, ("ant", "bee")),
        ({"config": {"id2label": {"1": "bee", "0": "ant"}}}, ("ant", "bee")),
        ({"classes": 10}, ()),
        ({"classes": [1, 2]}, ()),
        ({"class_to_idx": {"bee": 2, "ant": 0}}, ()),  # a place is empty
        ({"class_to_idx": {"bee": [0], "ant": 1}}, ()),
        ([["classes"]], ()),
    ],
)
def test_class_names(value, names):
    assert nested.class_names(value) == names
