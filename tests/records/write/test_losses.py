"""Official sets and classes of which images are lost: never drawn anew."""

import shutil

import pytest
from helpers.pictures import jpeg

from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.listing import Item, make_listing
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError
from kerastransfer.foundation.report import KerasTransferWarning
from kerastransfer.records.write.convert import convert
from kerastransfer.records.write.losses import refuse_losses


@pytest.fixture
def photos(tmp_path):
    root = tmp_path / "photos"
    for split, count in (("train", 4), ("val", 2), ("test", 2)):
        for c, name in enumerate(("cat", "dog")):
            (root / split / name).mkdir(parents=True)
            for i in range(count):
                data = jpeg(100 * c + 10 * count + i, height=64, width=64)
                (root / split / name / f"{i}.jpg").write_bytes(data)
    return root


def refused(root, out, match):
    with pytest.raises(DataError) as error:
        convert(resolve(f"folder:{root}"), out, workers=1)
    assert match in str(error.value), str(error.value)
    assert not [path for path in out.iterdir() if not path.name.startswith(".")]


@pytest.mark.parametrize("split", ["test", "val"])
def test_an_official_set_with_an_undecodable_image_is_refused(split, photos, tmp_path):
    out = tmp_path / "out"
    (photos / split / "dog" / "1.jpg").write_bytes(b"\xff\xd8\xffno jpeg")
    refused(photos, out, f"The official {split} set lost 1 of 4 images: '{split}/dog/1")
    (photos / split / "dog" / "0.jpg").write_bytes(b"")
    refused(photos, out, "lost 2 of 4 images, all of class 'dog' among them")
    for path in (photos / split).rglob("*.jpg"):
        path.write_bytes(b"gone")
    refused(photos, out, f"The official {split} set lost 4 of 4 images")


def test_a_class_that_is_lost_whole_is_refused(photos, tmp_path):
    for path in (photos / "train" / "dog").iterdir():
        path.write_bytes(b"gone")
    for name in ("val", "test"):
        shutil.rmtree(photos / name)
    with pytest.raises(DataError, match=r"No image of 1 of 2 classes .*\('dog'\)"):
        convert(
            resolve(f"folder:{photos}"),
            tmp_path / "out",
            workers=1,
            short_classes="cap",
        )


def listing(official="test"):
    items = [Item(f"a{i}", 0, official if i < 2 else "train") for i in range(6)]
    items += [Item(f"b{i}", 1, official if i < 2 else "train") for i in range(6)]
    return make_listing(["ant", "bee"], items, "0", where="here")


def test_half_of_a_class_is_told():
    info = DatasetInfo(description="", may_change=True)
    with pytest.warns(KerasTransferWarning, match="of 1 classes .*: 'bee' 3 of 6"):
        refuse_losses(listing(), info, dict.fromkeys(("b3", "b4", "b5"), "broken"))


def test_archives_that_nobody_can_mend_are_refused_where_a_class_is_lost():
    info = DatasetInfo(description="", test="official")
    refuse_losses(listing(), info, {"a0": "broken"})
    with pytest.raises(DataError, match="all of class 'ant' among them"):
        refuse_losses(listing(), info, {"a0": "broken", "a1": "broken"})
    # a test set that is drawn is drawn of what there is
    drawn = DatasetInfo(description="", test=2, may_change=True)
    refuse_losses(listing(), drawn, {"a0": "broken", "a1": "broken"})


def test_strict_refuses_images_of_which_only_the_names_are_there(photos, tmp_path):
    (photos / "train/cat/gone.jpg").symlink_to("/nowhere")
    dataset = resolve(f"folder:{photos}")
    with (
        pytest.warns(KerasTransferWarning, match="cannot be had"),
        pytest.raises(
            DataError, match=r"lost \(1 links that lead nowhere\).* --strict"
        ),
    ):
        convert(dataset, tmp_path / "out", workers=1, strict=True)
