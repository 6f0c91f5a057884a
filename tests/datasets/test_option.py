import pytest

from kerastransfer import cli
from kerastransfer.datasets import table
from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.known.known_dataset import KnownDataset
from kerastransfer.datasets.option import Option
from kerastransfer.errors import DataError, InputError
from kerastransfer.records import manifest
from kerastransfer.records.manifest import Options

ASKED = Options(image_size=256, split_seed=0, max_per_class=None, short_classes="error")
# As records that were made before datasets declared options of their own have them.
NAMES = ["group", "patch_size", "partition", "keep_clutter", "merge_porites"]


@pytest.fixture
def toy(monkeypatch):
    """A dataset with an option of its own, as a contributor would add it."""
    option = Option(
        name="least_light",
        help="Leave out images darker than this, in gray levels",
        value_type=int,
        default=3,
        most=255,
    )
    known = KnownDataset(
        name="toy",
        info=DatasetInfo(description="Toys."),
        source=lambda archives: None,
        options=(option,),
    )
    monkeypatch.setitem(table.DATASETS, "toy", known)


def test_metadata_names_the_options_in_the_order_it_always_had():
    asked = manifest.asked(table.resolve("digits"), ASKED)
    names = [name for name in asked if name in NAMES]
    assert names == NAMES and [asked[n] for n in NAMES] == [None] * 3 + [False] * 2
    asked = manifest.asked(table.resolve("coral", None, {"group": "quadrat"}), ASKED)
    names = [name for name in asked if name in NAMES]
    assert names == NAMES
    assert [asked[n] for n in NAMES] == ["quadrat", 224, None, False, False]


def test_an_option_is_declared_once_and_known_everywhere(toy, capsys):
    assert table.resolve("toy").options == {"least_light": 3}
    dataset = table.resolve("toy", None, {"least_light": 9, "group": None})
    assert manifest.asked(dataset, ASKED)["least_light"] == 9
    with pytest.raises(InputError, match="--least-light from 1 to 255, got 256"):
        table.resolve("toy", None, {"least_light": 256})
    with pytest.raises(InputError, match="--least-light does not go with 'digits'"):
        table.resolve("digits", None, {"least_light": 9})
    with pytest.raises(SystemExit):
        cli.main(["convert", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    assert "--least-light N" in shown
    assert "than this, in gray levels (toy; default: 3)" in shown


def test_records_made_before_an_option_was_declared_stay_valid(
    toy, monkeypatch, tmp_path
):
    from kerastransfer.records.find import find_or_convert
    from kerastransfer.records.reader import open_records

    with monkeypatch.context() as earlier:
        earlier.delitem(table.DATASETS, "toy")
        path = find_or_convert(table.resolve("digits"), tmp_path).path
    assert "least_light" not in (path / "metadata.json").read_text()
    assert open_records(path).metadata["least_light"] is None
    text = (path / "metadata.json").read_text()
    changed = text.replace('"group": null', '"group": 3')
    (path / "metadata.json").write_text(changed)
    with pytest.raises(DataError, match="holds a damaged 'group'"):
        open_records(path)


def test_an_unknown_option_is_refused():
    with pytest.raises(InputError, match="--colour does not go with 'digits'"):
        table.resolve("digits", None, {"colour": "red"})
    for value in ("9", 9.5, True):
        with pytest.raises(InputError, match="--partition from 1 to 10, got"):
            table.resolve("sun397", None, {"partition": value})
    with pytest.raises(InputError, match="--keep-clutter to be True or False, got 3"):
        table.resolve("caltech256", None, {"keep_clutter": 3})


def test_the_study_has_seven_datasets():
    names = {name for name, known in table.DATASETS.items() if known.in_study}
    assert {name.partition("_0")[0].partition("_1")[0] for name in names} >= {
        *("caltech256", "sun397", "mit_indoor", "cub200", "coral", "plankton"),
        "yosinski",
    }
    assert not names & {"digits", "fashion_mnist"} and len(names) == 6 + 8
