"""ILSVRC's table of synsets, sound and made to harm."""

import io

import numpy as np
import pytest
import scipy.io
from helpers.miniature_archives import WNIDS

from kerastransfer.datasets.known import ilsvrc_synsets
from kerastransfer.errors import DataError


def table(rows):
    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("num_children", "O")]
    out = io.BytesIO()
    scipy.io.savemat(out, {"synsets": np.array(rows, dtype=kind)[:, np.newaxis]})
    return out.getvalue()


def test_synsets_without_children_are_read():
    one, two = WNIDS["target"][:2]
    data = table([(2, one, 0), (1, two, 0), (3, "n00001740", 5)])
    assert ilsvrc_synsets.read(data, "meta.mat") == {2: one, 1: two}


@pytest.mark.parametrize("keep", [0, 1, 100, 200, -40])
def test_what_is_none_is_refused_in_a_line(keep):
    data = table([(2, "n1", 0), (1, "n2", 0)])
    with pytest.raises(DataError, match=r"a table of synsets in 'meta.mat'") as error:
        ilsvrc_synsets.read(data[:keep], "meta.mat")
    assert str(error.value).isprintable()


def test_a_reader_that_dies_is_told(monkeypatch):
    code = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"
    monkeypatch.setattr(ilsvrc_synsets, "_CODE", code)
    with pytest.raises(DataError, match="it ended the process that read it; get it"):
        ilsvrc_synsets.read(b"", "meta.mat")


def test_a_reader_that_never_ends_is_told(monkeypatch):
    monkeypatch.setattr(ilsvrc_synsets, "_CODE", "import time; time.sleep(60)")
    monkeypatch.setattr(ilsvrc_synsets, "_SECONDS", 0.5)
    with pytest.raises(DataError, match=r"took more than 0.5 s; get it"):
        ilsvrc_synsets.read(b"", "meta.mat")
