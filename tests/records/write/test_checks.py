"""--strict, --verify and --shards, also of records that are there; changing files."""

import dataclasses
import hashlib
import re
import shutil
import warnings

import pytest
from helpers import miniature_archives
from helpers.miniature_archives import MINIATURES

from kerastransfer.datasets import table
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, InputError
from kerastransfer.foundation.checksums import Checksum
from kerastransfer.records.reader import open_records
from kerastransfer.records.write.convert import convert


def said(dataset, out, **options):
    """Convert; return what it warned of."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        convert(dataset, out, **options)
    return [str(each.message) for each in seen]


def matching(texts, pattern):
    return [text for text in texts if re.search(pattern, text)]


@pytest.fixture
def cub(tmp_path):
    """A miniature, and its records as a run without --strict leaves them."""
    mini = MINIATURES["cub200"](tmp_path)
    dataset = resolve("cub200", tmp_path)
    said(dataset, tmp_path / "out", **mini.options)
    return dataset, tmp_path / "out", mini.options


def test_strict_and_verify_hold_of_records_that_are_there(cub):
    dataset, out, options = cub
    said(dataset, out, **options)
    with pytest.raises(DataError, match="Expected 11,788 images of 200 classes"):
        convert(dataset, out, **options, strict=True)
    with pytest.raises(DataError, match=r"Not the published archives of cub200 \('CUB"):
        convert(dataset, out, **options, verify=True)


def test_strict_and_verify_hold_of_records_of_a_folder(tmp_path):
    (tmp_path / "packed").mkdir()
    mini = MINIATURES["cub200"](tmp_path / "packed")
    folder = miniature_archives.unpack(tmp_path / "packed", tmp_path)
    dataset, out = resolve("cub200", folder), tmp_path / "out"
    said(dataset, out, **mini.options)
    with pytest.raises(DataError, match="Expected 11,788 images of 200 classes"):
        convert(dataset, out, **mini.options, strict=True)
    told = r"Not all of cub200 could be verified \('CUB_200_2011': a folder\)"
    assert matching(said(dataset, out, **mini.options, verify=True), told)
    assert not matching(said(dataset, out, **mini.options), "verified")


def test_what_differs_stands_in_the_records(cub):
    _, out, _ = cub
    [told] = open_records(out / "cub200" / "1.0.0").metadata["differences"]
    assert told.startswith("Expected 11,788 images of 200 classes in cub200, found 42")


def test_other_shards_than_there_are_is_another_plan(cub):
    dataset, out, options = cub
    path = out / "cub200" / "1.0.0"
    with pytest.raises(DataError, match=r"another plan \(shards 1 instead of 2\)"):
        convert(dataset, out, **options, shards=2)
    assert convert(dataset, out, **options, shards=1) == path
    with pytest.raises(InputError, match="shards of at most 3, the images of the"):
        said(dataset, out / "other", **options, shards=7)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Plankton's miniature: one of two archives as published, of one nothing known."""
    mini = MINIATURES["plankton"](tmp_path)
    known = table.DATASETS["plankton"]
    digest = hashlib.sha256((tmp_path / "2006.zip").read_bytes()).hexdigest()
    parts = tuple(
        dataclasses.replace(
            part, checksums=(Checksum("sha256", digest),) if "2006" in part.file else ()
        )
        for part in known.info.parts
    )
    info = dataclasses.replace(known.info, parts=parts)
    changed = dataclasses.replace(known, info=info)
    monkeypatch.setitem(table.DATASETS, "plankton", changed)
    return resolve("plankton", tmp_path), mini.options


def test_verify_says_what_it_cannot_verify(published, tmp_path):
    dataset, options = published
    told = r"Not all .* verified \('2007.zip': no hash of it is published\)\.$"
    for _ in range(2):  # also of records that are there
        seen = said(dataset, tmp_path / "out", **options, verify=True)
        assert len(matching(seen, told)) == 1


def test_missing_years_are_told_and_refused_when_strict(published, tmp_path):
    dataset, options = published
    told = "7 of 9 archives of plankton are not there: '2008.zip', '2009.zip'"
    assert matching(said(dataset, tmp_path / "out", **options), told)
    with pytest.raises(DataError, match=told):
        convert(dataset, tmp_path / "other", **options, strict=True)


def test_a_year_of_corals_is_told_and_refused_when_strict(tmp_path):
    """Its classes are there, and so is every image that is listed."""
    miniature_archives.coral_in_bulk(tmp_path)
    for year in (2009, 2010):
        next(tmp_path.glob(f"*_{year}_*.zip")).unlink()
    dataset = resolve("coral", tmp_path)
    options = {"max_per_class": 1, "short_classes": "cap"}
    with pytest.raises(DataError, match=r"2 of 3 archives of coral .* 9 classes in co"):
        convert(dataset, tmp_path / "out", **options, strict=True)


def test_a_few_classes_of_a_half_are_told_and_refused_when_strict(tmp_path):
    mini = MINIATURES["yosinski"](tmp_path)
    dataset = resolve("yosinski", tmp_path)
    told = r"Expected 500 classes in yosinski, found 96 images of 3: .* more classes"
    assert matching(said(dataset, tmp_path / "out", **mini.options), told)
    with pytest.raises(DataError, match=told):
        convert(dataset, tmp_path / "other", **mini.options, strict=True)


def test_an_archive_that_comes_during_a_conversion_is_not_thought_read(tmp_path):
    mini = MINIATURES["plankton"](tmp_path)
    late = (tmp_path / "2007.zip").rename(tmp_path / "later")
    dataset, out = resolve("plankton", tmp_path), tmp_path / "out"

    def come(done, total):
        if late.exists():
            late.rename(tmp_path / "2007.zip")

    said(dataset, out, **mini.options, progress=come)
    records = open_records(out / "plankton" / "1.0.0")
    assert [each["name"] for each in records.metadata["archives"]] == ["2006.zip"]
    with pytest.raises(DataError, match=r"holds records of another plan \(fingerprint"):
        said(dataset, out, **mini.options)
    (tmp_path / "2007.zip").rename(late)
    said(dataset, out, **mini.options)  # as it was: these records are right


def test_progress_is_told_of_reading_and_writing(tmp_path):
    mini = MINIATURES["caltech256"](tmp_path)
    dataset, seen = resolve("caltech256", tmp_path), {"read": [], "written": []}
    options = {
        **mini.options,
        "reading": lambda *told: seen["read"].append(told),
        "writing": lambda *told: seen["written"].append(told),
    }
    said(dataset, tmp_path / "out", **options)
    size = 2 * (tmp_path / "256_ObjectCategories.tar").stat().st_size
    assert seen["read"][-1] == (size, size)
    assert seen["written"] == [(i, 116) for i in range(1, 117)]
    seen["written"].clear()
    said(dataset, tmp_path / "out", **options)
    assert not seen["written"]  # they stay as they are


def test_progress_of_reading_rises(tmp_path, monkeypatch):
    from kerastransfer.datasets.archived import reading

    monkeypatch.setattr(reading, "_STEP", 1_000)
    MINIATURES["sun397"](tmp_path)
    seen = []
    dataset = resolve("sun397", tmp_path)
    dataset.listing(reading.ReadOptions(progress=lambda *told: seen.append(told)))
    assert seen == sorted(seen) and len(seen) > 20
    assert len({total for _, total in seen}) == 1 and seen[-1][0] == seen[-1][1]


def test_an_image_size_does_not_go_with_patches(tmp_path):
    MINIATURES["coral"](tmp_path)
    with pytest.raises(InputError, match="--image-size does not go with 'coral'"):
        convert(resolve("coral", tmp_path), tmp_path / "out", image_size=100)


def test_a_wrong_archive_is_told_once(cub, tmp_path):
    dataset, _, options = cub
    shutil.rmtree(tmp_path / "out")
    seen = said(dataset, tmp_path / "out", **options)
    assert len(matching(seen, "they are taken as they are")) == 1
