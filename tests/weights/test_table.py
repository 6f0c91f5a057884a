import hashlib

import pytest

from kerastransfer.backbones.table import BACKBONES
from kerastransfer.errors import UnknownNameError
from kerastransfer.weights import table


def test_rows_are_well_formed():
    for name, row in table.WEIGHTS.items():
        assert name == row.name
        assert bool(row.urls) != bool(row.package), name
        assert all(url.startswith(("http://", "https://")) for url in row.urls)
        for checksum in row.checksums:
            full = hashlib.new(checksum.algorithm).digest_size * 2
            published = checksum.digest
            assert set(published) <= set("0123456789abcdef")
            # torchvision publishes the first eight digits only.
            assert len(published) == (8 if name == "alexnet_owt" else full), name
        assert "/" not in row.file


def test_published_facts_stay_what_they_are():
    lite0 = table.get("efficientnet_lite0")
    assert lite0.size == 18_826_032
    assert lite0.checksums[0].digest.endswith("49cabf77db")
    assert table.get("alexnet").size == 243_862_414
    assert table.get("caffenet").size == 243_862_418
    assert (table.get("caffenet").top1, table.get("caffenet").top5) == (0.574, 0.804)
    assert "7be5be79" in table.get("alexnet_owt").urls[0]
    assert len(table.get("alexnet").urls) == 2
    assert table.get("alexnet").auxiliary[0].name == "imagenet_mean.binaryproto"


def test_of_backbone_has_its_namesake_first():
    names = [row.name for row in table.of_backbone("alexnet")]
    assert names == ["alexnet", "alexnet_toronto"]
    for row in table.WEIGHTS.values():
        assert table.of_backbone(row.backbone)[0].name == row.backbone


def test_unknown_names():
    with pytest.raises(
        UnknownNameError, match=r"Unknown weights 'caffenett'.*'caffenet'"
    ):
        table.get("caffenett")
    with pytest.raises(
        UnknownNameError, match="Unknown backbone 'vgg'; known: alexnet,"
    ):
        table.of_backbone("vgg")


def test_the_published_prediction_is_a_ranking():
    prediction = table.get("caffenet").prediction
    shown = [p for _, _, p in prediction.top5]
    assert shown == sorted(shown, reverse=True)
    assert sum(shown) < 1
    assert prediction.top5[0][0] == 281
    others = [row for row in table.WEIGHTS.values() if row.name != "caffenet"]
    assert all(row.prediction is None for row in others)


def test_every_published_file_is_in_the_table():
    rows = [row for backbone in BACKBONES.values() for row in backbone.weights]
    assert [*table.WEIGHTS] == [row.name for row in rows]
    assert len({row.file for row in rows}) == len(rows)
