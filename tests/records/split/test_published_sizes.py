"""Table 1's sizes against the published class counts, planned without an image."""

import dataclasses

import numpy as np
import pytest

from kerastransfer.datasets.listing import Item, make_listing
from kerastransfer.datasets.table import DATASETS
from kerastransfer.errors import DataError
from kerastransfer.records.split.plan import SPLITS, make_plan

# B. Chu et al. 2016, Table 1: classes, val, test and train images a class; None for all
# the rest. In the order from near to far.
TABLE_1 = {
    "caltech256": (256, 2, 25, (1, 10, 25, 53)),
    "sun397": (397, 2, 25, (1, 10, 50, 70)),
    "mit_indoor": (67, 2, None, (1, 10, 25, 75)),
    "cub200": (200, 2, None, (5, 20, 35)),
    "coral": (9, 50, 300, (10, 50, 200, 450)),
    "plankton": (103, 50, 85, (1, 10, 300, 550)),
    "yosinski": (500, 20, None, (1, 10, 25, 53, 120)),
}
# The official test list of MIT Indoor 67, images a class in the order of their names,
# counted in the copy of cdoersch/elementdiscovery.
MIT_TEST = (
    *(20, 20, 18, 19, 18, 18, 21, 20, 20, 20, 19, 18, 19, 18, 20, 18, 18, 18, 20, 21),
    *(19, 21, 18, 21, 17, 19, 20, 18, 20, 21, 18, 21, 20, 23, 21, 22, 20, 21, 22, 22),
    *(20, 20, 20, 21, 20, 22, 20, 23, 20, 21, 19, 20, 20, 20, 20, 23, 19, 20, 19, 21),
    *(22, 20, 18, 22, 21, 21, 21),
)


def published(name):
    """Return the counts of the classes that are there without being asked for."""
    return [row for row in DATASETS[name].published_counts if not row.optional]


def sizes(name, most=None):
    """Images a class, as published; classes that were counted together are one."""
    return {
        " + ".join(row.classes): min(row.images, most or row.images)
        for row in published(name)
    }


def listing(counts, official=None):
    items = []
    for label, (name, size) in enumerate(sorted(counts.items())):
        tested = (official or {}).get(name, 0)
        items += [
            Item(f"{label:03d}/{i:07d}", label, "test" if i < tested else None)
            for i in range(size)
        ]
    return make_listing(sorted(counts), items, "0" * 64, where="here")


def plan_of(name, counts, official=None, **options):
    return make_plan(
        listing(counts, official), DATASETS[name].info, name=name, salt=name, **options
    )


@pytest.mark.parametrize("name", TABLE_1)
def test_the_facts_are_table_1(name):
    classes, val, test, train = TABLE_1[name]
    facts = DATASETS[name].info
    assert facts.variant_sizes == train and facts.largest_train == train[-1]
    assert facts.val == val
    assert facts.test == test if test else facts.test in ("rest", "official")
    assert facts.classes is None or len(facts.classes) == classes
    if name not in ("yosinski", "mit_indoor"):
        named = [c for row in published(name) for c in row.classes]
        assert len(named) == len(set(named)) == classes


@pytest.mark.parametrize(
    ("name", "images"),
    [
        ("caltech256", 29_780),
        ("sun397", 108_753),
        ("mit_indoor", 6_700),
        ("cub200", 11_788),
        ("coral", 393_299),
        ("plankton", 3_563_595),
    ],
)
def test_the_published_counts_add_up(name, images):
    assert sum(row.images for row in published(name)) == images


def test_caltech256_uses_every_image_of_the_smallest_classes():
    counts = sizes("caltech256")
    plan = plan_of("caltech256", counts)
    assert plan.counts["val"] == [2] * 256 and plan.counts["test"] == [25] * 256
    assert plan.counts["train"] == [53] * 256
    assert min(counts.values()) == 80 == 2 + 25 + 53 and not plan.short


def test_sun397_leaves_images_of_every_class():
    counts = sizes("sun397")
    plan = plan_of("sun397", counts)
    assert len(plan.train) == 397 * 70 and len(plan.val) == 397 * 2
    assert len(plan.test) == 397 * 25 == 9_925
    assert min(counts.values()) == 100 > 2 + 25 + 70


def test_cub200_tests_on_all_the_rest():
    counts = sizes("cub200")
    plan = plan_of("cub200", counts)
    assert len(plan.train) == 200 * 35 and len(plan.val) == 400
    assert len(plan.test) == 11_788 - 200 * 37 == 4_388
    assert min(plan.counts["test"]) == min(counts.values()) - 37 == 4


def test_mit_indoor_tests_on_the_official_list():
    """100 a class in both lists; the smallest official train class has 77."""
    counts = sizes("mit_indoor")
    assert set(counts.values()) == {100}
    names = sorted(counts)
    tested = dict(zip(names, MIT_TEST, strict=True))
    plan = plan_of("mit_indoor", counts, tested)
    assert plan.counts["train"] == [75] * 67 and plan.counts["val"] == [2] * 67
    assert plan.counts["test"] == list(MIT_TEST)
    assert len(plan.test) == 1_340 and 100 - max(MIT_TEST) == 77 == 75 + 2
    with pytest.raises(DataError, match="fall short"):  # 76 are too few
        plan_of("mit_indoor", counts, dict.fromkeys(names, 24))


def test_coral_takes_eight_hundred_of_the_rarest():
    plan = plan_of("coral", sizes("coral", most=5_000))
    assert plan.counts == {"train": [450] * 9, "val": [50] * 9, "test": [300] * 9}


def test_yosinski_takes_140_of_every_class():
    """732 training images in the smallest class, 50 for validation of each."""
    counts = {f"n{i:08d}": 250 for i in range(500)}
    plan = plan_of("yosinski", counts, dict.fromkeys(counts, 50))
    assert len(plan.train) == 500 * 120 and len(plan.val) == 500 * 20
    assert len(plan.test) == 25_000


@pytest.fixture(scope="module")
def plankton():
    """No class gives more than 685 images, so larger ones need not be listed whole."""
    counts = sizes("plankton", most=700)
    return counts, plan_of("plankton", counts)


def test_plankton_caps_its_many_small_classes(plankton):
    counts, plan = plankton
    assert plan.classes == tuple(sorted(counts))
    for label, name in enumerate(plan.classes):
        size = counts[name]
        train, val, test = (plan.counts[s][label] for s in ("train", "val", "test"))
        if size >= 685:
            assert (train, val, test) == (550, 50, 85)
        elif size > 135:
            assert (train, val, test) == (size - 135, 50, 85)
        else:  # one to train on, the rest for both in proportion
            assert train == 1 and val == (size - 1) * 50 // 135
            assert train + val + test == size
    short = {name: size for name, size in counts.items() if size < 685}
    assert plan.short == short
    assert counts["Karenia"] == 4 and plan.counts["test"][plan.classes.index("Karenia")]


def test_plankton_may_drop_them(plankton):
    counts, _ = plankton
    plan = plan_of("plankton", counts, short_classes="drop")
    assert set(plan.classes) == {name for name, size in counts.items() if size >= 685}
    assert set(plan.counts["train"]) == {550}
    with pytest.raises(DataError, match="classes fall short of images"):
        plan_of("plankton", counts, short_classes="error")


def in_bins(counts, bins, bloom):
    """Give every image a water sample, as they may have been taken.

    Samples are of different sizes; `bloom` is the deviation of a class's abundance
    among them, in units of e: at 2 half of a class is in a twentieth of them.
    """
    rng = np.random.default_rng(0)
    volume = rng.lognormal(0, 1, bins)
    items = []
    for label, (_, size) in enumerate(sorted(counts.items())):
        abundance = volume * rng.lognormal(0, bloom, bins)
        drawn = rng.choice(bins, size, p=abundance / abundance.sum())
        items += [
            Item(
                f"{label:03d}/IFCB1_{sample:05d}_{i:06d}.png", label, None, str(sample)
            )
            for i, sample in enumerate(drawn.tolist())
        ]
    return make_listing(sorted(counts), items, "0" * 64, where="here")


@pytest.mark.parametrize("bloom", [0.0, 2.0])
@pytest.mark.parametrize("bins", [300, 1_000, 4_000])
def test_plankton_keeps_samples_together_and_trains_every_class(bins, bloom):
    counts = sizes("plankton", most=5_000)
    images = in_bins(counts, bins, bloom)
    info = DATASETS["plankton"].info
    plan = make_plan(images, info, name="plankton", salt="plankton")
    assert plan.classes == tuple(sorted(counts))
    sides = {}
    for split in SPLITS:
        for place in plan.places(split):
            assert sides.setdefault(place.group, split) == split
    found = {s: dict(zip(plan.classes, plan.counts[s], strict=True)) for s in SPLITS}
    assert min(found["train"].values()) >= 1
    samples = {
        name: len({i.group for i in images.items if i.label == label})
        for label, name in enumerate(images.classes)
    }
    for name, size in counts.items():
        assert found["test"][name] <= 85 and found["val"][name] <= 50
        if size >= 685:
            assert found["test"][name] == 85 and found["val"][name] == 50
            assert found["train"][name] >= 25
        elif samples[name] > 8:
            assert found["test"][name] >= size * 85 // 685
    # 28,837 without grouping, which leaves small classes one image to train on.
    assert len(plan.train) > (25_000 if bins > 300 or not bloom else 20_000)
    assert plan.short.keys() >= {name for name, size in counts.items() if size < 685}


@pytest.mark.parametrize("name", ["caltech256", "sun397", "cub200", "coral"])
def test_variants_are_prefixes_at_full_size(name):
    plan = plan_of(name, sizes(name, most=1_000))
    for size in TABLE_1[name][3]:
        prefix = plan.train[: size * len(plan.classes)]
        assert {place.rank for place in prefix} == set(range(size))
        assert len({(p.rank, p.label) for p in prefix}) == len(prefix)


def test_the_drawn_images_do_not_depend_on_the_policy(plankton):
    counts, plan = plankton
    facts = dataclasses.replace(DATASETS["plankton"].info, short_classes="drop")
    dropped = make_plan(listing(counts), facts, name="plankton", salt="plankton")
    kept = set(dropped.classes)
    first = {p.path for p in plan.test if plan.classes[p.label] in kept}
    assert first == {p.path for p in dropped.test}
