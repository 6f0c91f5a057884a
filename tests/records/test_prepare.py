import json

import numpy as np
import pytest

from kerastransfer.cli import main
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import InputError
from kerastransfer.records.health import inspect_report
from kerastransfer.records.prepare import prepare


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    images = np.random.default_rng(0).integers(0, 256, (30, 9, 9, 3), np.uint8)
    dataset = resolve((images, ["ant", "<bee>"] * 15))
    out = tmp_path_factory.mktemp("records")
    return dataset, out, prepare(dataset, out, workers=1, image_size=8)


def test_one_call_makes_records_and_looks_at_new_ones(prepared, capsys):
    dataset, out, made = prepared
    assert made.records.metadata["image_size"] == 8
    assert made.health is not None
    text = str(made)
    assert text.startswith(f"{made.records.path}\t2 classes; 22 train, 2 val, 6 test")
    assert "\nleaks        none: no image stands in two splits" in text
    assert "&lt;" not in text and made._repr_html_().startswith("<pre>")
    again = prepare(dataset, out, workers=1, image_size=8)
    assert again.health is None and "leaks" not in again.as_dict()
    assert again.as_dict()["hash"] == made.as_dict()["hash"]
    json.dumps(made.as_dict())
    with pytest.raises(InputError, match="nothing to download for 'arrays:"):
        prepare(dataset, out, download=True)


def test_records_say_what_they_hold(prepared):
    records = prepared[2].records
    assert str(records) == (
        f"{records.name}: 22 train, 2 val, 6 test images of 2 classes (<bee>, ant), in "
        f"{records.path}"
    )
    assert "(&lt;bee&gt;, ant)" in records._repr_html_()


def test_a_report_prints_what_inspect_prints(prepared, capsys):
    records = prepared[2].records
    report = inspect_report.inspect(
        records, lambda width, height: 0.75, backbone="toy", workers=1
    )
    assert str(report).splitlines()[0].startswith(f"{records.name}: 30 images of 2")
    assert "centre crop  of toy leaves out 25% of an image" in str(report)
    assert "&lt;bee&gt;" in report._repr_html_()
    assert main(["inspect", str(records.path)]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[:6] == str(report).splitlines()[:6]
    assert report.as_dict()["backbone"] == "toy"
