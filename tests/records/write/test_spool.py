import pytest

from kerastransfer.records.write import spool as module
from kerastransfer.records.write.spool import Spool
from kerastransfer.records.write.stored_image import Encoded


def image(number):
    return Encoded(bytes([number % 256]) * (number + 1), "png", changed=True)


@pytest.mark.parametrize("limit", [0, 50, 10**9])
def test_images_come_back_from_memory_and_from_the_file(limit, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_IN_MEMORY", limit)
    monkeypatch.setattr(module, "_BUFFER", 20)
    path = tmp_path / "images"
    with Spool(path) as spool:
        for number in range(40):
            spool.add(str(number), image(number))
            assert spool.read(str(number // 2)) == image(number // 2).data
        assert spool.missing(["3", "x", "39"]) == ["x"]
        assert path.exists() == (limit < 800)
        for number in reversed(range(40)):
            assert spool.read(str(number)) == image(number).data
    assert not path.exists()


def test_an_error_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_IN_MEMORY", 0)
    with pytest.raises(KeyError), Spool(tmp_path / "images") as spool:
        spool.add("a", image(3))
        assert (tmp_path / "images").exists()
        spool.read("b")
    assert not (tmp_path / "images").exists()
