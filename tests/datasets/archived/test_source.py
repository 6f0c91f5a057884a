"""Archives that somebody unpacked, in whole, in part, or beside another dataset's."""

import shutil
import tarfile
import zipfile

import pytest
from helpers import miniature_archives
from helpers.miniature_archives import MINIATURES, WNIDS

from kerastransfer.datasets.read_options import ReadOptions
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, MissingError
from kerastransfer.foundation.report import KerasTransferWarning


def unpacked(name, tmp_path):
    (tmp_path / "packed").mkdir()
    mini = MINIATURES[name](tmp_path / "packed")
    (tmp_path / "plain").mkdir()
    return mini, miniature_archives.unpack(tmp_path / "packed", tmp_path / "plain")


def paths(name, folder):
    return {item.path for item in resolve(name, folder).listing().items}


def test_links_that_lead_out_are_counted_and_told(tmp_path):
    """As data version control leaves them: links to a store of its own."""
    mini, folder = unpacked("caltech256", tmp_path)
    images = sorted(folder.rglob("001_000[123].jpg"))
    for i, image in enumerate(images):
        image.rename(tmp_path / f"{i}.jpg")
        image.symlink_to(tmp_path / f"{i}.jpg")
    (folder / "256_ObjectCategories" / "more").symlink_to(tmp_path / "packed")
    with pytest.warns(
        KerasTransferWarning, match=r"Left out 4 links of caltech256 .*'256_Obj"
    ):
        listing = resolve("caltech256", folder).listing()
    assert listing.ignored == {**mini.ignored, "links that lead out": 4}
    assert len(listing.items) == len(mini.labels) - 3
    found = list(resolve("caltech256", folder).source.image_files(mini.labels))
    assert len(found) == len(listing.items)  # not read either


def test_classes_that_are_still_tars_are_looked_into(tmp_path):
    """Of ILSVRC many unpack the outer archive only."""
    mini = MINIATURES["yosinski"](tmp_path)
    outer = tmp_path / "ILSVRC2012_img_train.tar"
    with tarfile.open(outer) as tar:
        tar.extractall(tmp_path / "ILSVRC2012_img_train", filter="data")
    outer.unlink()
    assert (tmp_path / "ILSVRC2012_img_train" / f"{WNIDS['target'][0]}.tar").is_file()
    dataset = resolve("yosinski", tmp_path)
    assert {item.path for item in dataset.listing().items} == set(mini.labels)
    blobs = {
        blob.images[0][0]: blob for blob in dataset.source.image_files(mini.labels)
    }
    assert blobs.keys() == set(mini.labels)
    assert all(blob.content.read() for blob in blobs.values())


def test_years_of_corals_are_not_those_of_plankton(tmp_path):
    """Both unpack to folders that are called by their year."""
    coral = MINIATURES["coral"](tmp_path)
    plankton = MINIATURES["plankton"](tmp_path)
    for year in (2008, 2009, 2010):
        [path] = tmp_path.glob(f"MCR_*_{year}_*.zip")
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path)
        path.unlink()
    assert paths("plankton", tmp_path) == set(plankton.labels)
    listing = resolve("plankton", tmp_path).listing()
    assert listing.ignored == plankton.ignored
    assert "2008.zip" in listing.lacking and len(listing.lacking) == 7
    assert paths("coral", tmp_path) == set(coral.labels)
    shutil.rmtree(tmp_path / "2008")
    (tmp_path / "2008" / "mix").mkdir(parents=True)
    name = "IFCB1_2008_270_170728_02023.png"
    (tmp_path / "2008" / "mix" / name).write_bytes(b"")
    assert f"mix/{name}" in paths("plankton", tmp_path)
    assert len(resolve("coral", tmp_path).listing().lacking) == 1


def test_a_folder_that_holds_nothing_of_a_dataset_is_not_taken(tmp_path):
    (tmp_path / "train" / "cats").mkdir(parents=True)
    (tmp_path / "train" / "cats" / "1.jpg").write_bytes(b"")
    (tmp_path / "val").mkdir()
    with pytest.raises(MissingError, match=r"'ILSVRC2012_img_train.tar', 'ILSVRC2012_"):
        resolve("yosinski", tmp_path).listing()


def test_a_listing_says_which_archives_it_is_of_where_that_is_asked(tmp_path):
    MINIATURES["cub200"](tmp_path)
    dataset = resolve("cub200", tmp_path)
    assert dataset.listing().archives == ()
    listing = dataset.listing(ReadOptions())
    assert listing.archives == dataset.source.archives(ReadOptions())
    assert [each.name for each in listing.archives] == ["CUB_200_2011.tgz"]
    assert listing.archives[0].differs.startswith("expected 1,150,585,339 bytes")


def test_an_annotation_in_capitals_is_read(tmp_path):
    stem = "2008/mcr_lter1_out10m_pole1-2_qu1_20080415"
    name = "MCR_LTER_ComputerVision_LabeledCorals_2008_20120521.zip"
    files = {f"{stem}.JPG": b"", f"{stem}.JPG.TXT": b"1; 2; CCA\n3; 4; Sand\n"}
    miniature_archives.write_zip(tmp_path / name, files)
    assert len(paths("coral", tmp_path)) == 2


@pytest.mark.parametrize("name", MINIATURES)
def test_the_example_of_a_layout_is_one_of_its_images(name):
    layout = resolve(name).source.layout
    for example in layout.example.split(" or "):
        wnid = WNIDS["target"][0]
        assert layout.image(example.replace("n01440764", wnid)) is not None


def test_sun397_in_other_folders_says_what_is_there_and_what_should_be(tmp_path):
    """As some copies have it: without the letters, or one folder for each kind."""
    image = tmp_path / "SUN397" / "abbey" / "sun_aaalbzqrimafwbiv.jpg"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"x")
    with pytest.raises(MissingError) as error:
        resolve("sun397", tmp_path).listing()
    assert "'SUN397/abbey/sun_aaalbzqrimafwbiv.jpg'" in str(error.value)
    assert "expected 'SUN397/a/abbey/sun_aaalb" in str(error.value)
    with tarfile.open(tmp_path / "SUN397.tar.gz", "w:gz") as tar:
        tar.add(image, "SUN397/sun_aaalbzqrimafwbiv.jpg")
    shutil.rmtree(tmp_path / "SUN397")
    with pytest.raises(DataError) as error:
        resolve("sun397", tmp_path).listing()
    assert "none but 'SUN397/sun_aaalbzqrimafwbiv.jpg'; unpack" in str(error.value)
    assert "such as 'SUN397/a/abbey/sun_" in str(error.value)


def test_ilsvrc_by_class_is_read_and_under_other_names_refused(tmp_path):
    mini, folder = unpacked("yosinski", tmp_path)
    val = folder / "ILSVRC2012_img_val"
    for image in sorted(val.iterdir()):  # as PyTorch's script arranges them
        place = val / WNIDS["target"][0] / image.name
        place.parent.mkdir(exist_ok=True)
        image.rename(place)
    assert paths("yosinski", folder) == set(mini.labels)
    for number, image in enumerate(sorted(val.rglob("*.JPEG"))):
        image.rename(image.with_name(f"{number:05d}.jpg"))
    with pytest.raises(MissingError) as error:
        resolve("yosinski", folder).listing()
    assert "'ILSVRC2012_img_val.tar'" in str(error.value)
    assert "/00000.jpg', expected 'n01440764/n0" in str(error.value)
