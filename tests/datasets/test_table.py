import subprocess
import sys
from pathlib import Path

import pytest

from kerastransfer.datasets import table
from kerastransfer.datasets.known import yosinski
from kerastransfer.datasets.listing import Item, make_listing
from kerastransfer.errors import DataError, InputError, UnknownNameError


def test_every_dataset_has_a_source_and_facts_that_agree():
    for name, known in table.DATASETS.items():
        facts = known.info
        assert name == known.name and (known.source is None) != (known.layout is None)
        assert name.isidentifier() and name == name.lower()
        assert facts.description and facts.licence and facts.citation and facts.url
        assert bool(facts.parts) == (known.layout is not None)
        for part in facts.parts:
            assert part.urls or facts.steps or not part.needed
        assert facts.test != "rest" or facts.largest_train is not None
        assert (
            not facts.variant_sizes or max(facts.variant_sizes) == facts.largest_train
        )


def test_an_unknown_name_says_what_is_meant():
    with pytest.raises(UnknownNameError, match="Did you mean 'digits'") as error:
        table.resolve("digit")
    assert "folder:DIR" in str(error.value) and "csv:FILE" in str(error.value)
    with pytest.raises(UnknownNameError, match="Unknown dataset 'zip:x'"):
        table.resolve("zip:x")


def test_archives_do_not_go_with_own_files(tmp_path):
    with pytest.raises(InputError, match="--archives does not go with folder: sets"):
        table.resolve("folder:x", tmp_path)


def test_a_listing_is_sorted_and_has_no_path_twice():
    listing = make_listing("ab", [Item("z", 0), Item("y", 1)], "0", where="here")
    assert [item.path for item in listing.items] == ["y", "z"]
    with pytest.raises(DataError, match="Path 'z' stands twice in here"):
        make_listing("ab", [Item("z", 0), Item("z", 1)], "0", where="here")
    with pytest.raises(DataError, match="Expected images in here, found none"):
        make_listing("ab", [], "0", where="here")


def test_datasets_and_records_import_no_tensorflow():
    root = Path(table.__file__).parents[1]
    modules = [
        f"kerastransfer.{folder}.{path.stem}"
        for folder in ("datasets", "records")
        for path in (root / folder).glob("[!_]*.py")
        if path.stem != "builder"
    ]
    code = (
        f"import sys, {', '.join(modules)}\n"
        "assert not {'tensorflow', 'keras', 'tensorflow_datasets'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_one_half_has_one_name_whatever_it_is_called():
    """A name is part of what decides a split."""
    first, second = (table.resolve(name) for name in ("yosinski", "yosinski_0b"))
    assert first.name == second.name == "yosinski" and first.spec == second.spec
    assert first.source.folder == second.source.folder
    halves = [known.info.classes for known in yosinski.DATASETS]
    assert len(halves) == len(set(halves)) == 8
