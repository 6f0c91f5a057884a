"""How many groups there are, counted anew from a plan's places."""

import json

import pytest

from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.listing import Item, make_listing
from kerastransfer.records.split.group_counts import GroupCounts, are_group_counts
from kerastransfer.records.split.overview import Overview
from kerastransfer.records.split.plan import SPLITS, make_plan

OWN = DatasetInfo(description="", short_classes="cap")
CLASSES = ("a", "b", "c")


def plan_of(group, sizes=(30, 30, 30), **options):
    items = [
        Item(f"{CLASSES[label]}/{i}", label, None, group(label, i))
        for label, size in enumerate(sizes)
        for i in range(size)
    ]
    listing = make_listing(CLASSES, items, "0", where="here")
    return make_plan(listing, OWN, name="a", salt="a", **options), listing


@pytest.mark.parametrize("split_seed", range(4))
@pytest.mark.parametrize(
    "group",
    [
        lambda label, i: f"{label}{i // 3}",
        lambda label, i: f"g{(i + label) // 4}",  # of several classes
        lambda label, i: f"g{i // 3}" if i % 5 else None,
    ],
)
def test_counts_are_those_of_the_places_and_no_group_is_in_two_splits(
    group, split_seed
):
    plan, _ = plan_of(group, split_seed=split_seed)
    counts = GroupCounts.of_plan(plan)
    named = {s: {p.group for p in plan.places(s)} - {None} for s in SPLITS}
    assert counts.totals == {split: len(names) for split, names in named.items()}
    assert sum(counts.totals.values()) == len(set().union(*named.values()))
    for label in range(3):
        of_class = {
            p.group for s in SPLITS for p in plan.places(s) if p.label == label
        } - {None}
        assert counts.of_class(label) == len(of_class)
    lone = [p for s in SPLITS for p in plan.places(s) if p.group is None]
    assert sum(counts.alone.values()) == sum(counts.alone_by_class) == len(lone)
    again, _ = plan_of(group, split_seed=split_seed)
    assert again.hash == plan.hash


def test_what_is_said_of_groups():
    plan, listing = plan_of(
        lambda label, i: "only" if label == 0 else f"{i // 3}", (30, 30, 31)
    )
    text = str(Overview.of_plan(plan, listing, OWN))
    assert "groups" in text.splitlines()[0]
    assert text.splitlines()[1].split()[0::4] == ["a", "1"]
    assert "groups       " in text and "; none is in two of them" in text
    assert "10 are of several classes" in text
    assert "one group    'a': a class of one group cannot be in both" in text
    plain, listing = plan_of(lambda label, i: None)
    assert GroupCounts.of_plan(plain) is None
    assert "group" not in str(Overview.of_plan(plain, listing, OWN))


def test_one_image_without_a_group_is_told():
    plan, _ = plan_of(lambda label, i: f"{label}{i // 3}" if i or label else None)
    assert "no group     1 image has none" in GroupCounts.of_plan(plan).lines(CLASSES)


def test_metadata_holds_them_and_damage_is_seen():
    plan, _ = plan_of(lambda label, i: f"{label}{i // 3}")
    counts = GroupCounts.of_plan(plan)
    entry = json.loads(json.dumps(counts.as_dict()))
    assert GroupCounts.of_metadata(entry) == counts and are_group_counts(entry, 3)
    assert GroupCounts.of_metadata(None) is None
    assert not are_group_counts(entry, 4)
    for name, value in [
        ("totals", {"train": 3}),
        ("alone", [1, 2, 3]),
        ("by_class", {split: [1, 2, -1] for split in SPLITS}),
        ("alone_by_class", ["a", "b", "c"]),
        ("of_several", None),
    ]:
        assert not are_group_counts({**entry, name: value}, 3)
    assert not are_group_counts({"totals": {}}, 3) and not are_group_counts([], 3)
