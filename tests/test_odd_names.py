"""Readers given names that no file has, or what is no file."""

import pytest
from helpers.odd_names import odd_paths

from kerastransfer.archives.opening import open_archive
from kerastransfer.archives.spans import read_bounded
from kerastransfer.backbones.mean_image import MeanImage
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import KerasTransferError
from kerastransfer.features.feature_file import FeatureFile
from kerastransfer.foundation import json_file
from kerastransfer.records.reader import open_records


@pytest.mark.parametrize(
    "kind",
    ["long", "deep", "zero", "loop", "pipe", "folder", "gone", "below a file"],
)
def test_every_reader_refuses_an_odd_name_in_a_line(tmp_path, kind):
    """And none waits for what a pipe may say."""
    path = odd_paths(tmp_path)[kind]
    readers = (
        lambda: MeanImage.read(path),
        lambda: FeatureFile.read(path),
        lambda: open_records(path),
        lambda: resolve(f"csv:{path}").listing(),
        lambda: resolve(f"parquet:{path}").listing(),
        lambda: resolve(f"folder:{path / 'x'}").listing(),
        lambda: resolve("caltech256", path).listing(),
        lambda: resolve("fashion_mnist", path).listing(),
        lambda: read_bounded(path) if kind != "pipe" else open_archive(path),
    )
    for read in readers:
        with pytest.raises(KerasTransferError) as error:
            read()
        assert str(error.value).isprintable()
    # Whoever reads JSON says where it stood.
    with pytest.raises((json_file.JsonDamageError, FileNotFoundError)):
        json_file.read_object(path)
