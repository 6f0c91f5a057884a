import dataclasses
import hashlib
import random
from collections import Counter, defaultdict

import numpy as np
import pytest

from kerastransfer.datasets.dataset import DatasetInfo
from kerastransfer.datasets.listing import Item, Listing, make_listing
from kerastransfer.errors import DataError, InputError
from kerastransfer.records.split.plan import SPLITS, make_plan

ANY = DatasetInfo(description="")


def listing(sizes, split=None, group=None):
    """Return a listing with so many images of classes a, b, ..."""
    names = "abcdefghijklmnopqrstuvwxyz"[: len(sizes)]
    items = [
        Item(
            f"{name}/{i:03d}.jpg",
            label,
            split and split(label, i),
            group and group(label, i),
        )
        for label, (name, size) in enumerate(zip(names, sizes, strict=True))
        for i in range(size)
    ]
    return make_listing(names, items, "0" * 64, where="test")


def plan_of(images, facts=ANY, **options):
    return make_plan(images, facts, name="toy", salt="toy", **options)


def paths(plan, split):
    return [place.path for place in plan.places(split)]


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


FACTS = {
    "per_class": DatasetInfo(description="", test=4, val=2, largest_train=6),
    "rest": DatasetInfo(description="", test="rest", val=2, largest_train=6),
    "default": ANY,
}


def test_per_class_takes_test_then_val_then_train_in_hash_order():
    images = listing([14, 13])
    plan = plan_of(images, FACTS["per_class"], split_seed=3)
    for label, name in enumerate("ab"):
        mine = [item.path for item in images.items if item.label == label]
        order = sorted(mine, key=lambda path: digest(f"3:toy:{path}"))
        ranks = {
            split: [p.path for p in plan.places(split) if p.label == label]
            for split in SPLITS
        }
        assert ranks == {"test": order[:4], "val": order[4:6], "train": order[6:12]}, (
            name
        )


def test_rest_takes_train_then_val_and_all_others_are_test():
    plan = plan_of(listing([14, 11]), FACTS["rest"])
    order = sorted(
        (f"a/{i:03d}.jpg" for i in range(14)), key=lambda path: digest(f"0:toy:{path}")
    )
    mine = {s: [p.path for p in plan.places(s) if p.label == 0] for s in SPLITS}
    assert mine == {"train": order[:6], "val": order[6:8], "test": order[8:]}
    assert plan.counts == {"train": [6, 6], "val": [2, 2], "test": [6, 3]}


def test_official_sets_are_as_the_listing_says():
    def split(label, i):
        return "test" if i < 5 else "train"

    facts = DatasetInfo(description="", test="official", val=2, largest_train=4)
    plan = plan_of(listing([12, 20], split), facts)
    assert plan.counts == {"train": [4, 4], "val": [2, 2], "test": [5, 5]}
    assert {p.path for p in plan.test} == {
        f"{n}/{i:03d}.jpg" for n in "ab" for i in range(5)
    }


@pytest.mark.parametrize(
    ("size", "train", "val", "test"),
    # test min(50, n // 5) and val min(10, n // 10), at least 1 where the class allows
    [(2, 1, 0, 1), (3, 1, 1, 1), (10, 7, 1, 2), (99, 71, 9, 19), (400, 340, 10, 50)],
)
def test_default_shares(size, train, val, test):
    counts = plan_of(listing([size, 30])).counts
    assert [counts[split][0] for split in SPLITS] == [train, val, test]


def test_a_class_of_one_image_only_trains():
    assert {s: n[0] for s, n in plan_of(listing([1, 30])).counts.items()} == {
        "train": 1,
        "val": 0,
        "test": 0,
    }


@pytest.mark.parametrize(
    ("official", "expected"),
    [
        ("test", {"train": 27, "val": 3, "test": 10}),  # val: 10 % of the other 30
        ("val", {"train": 24, "val": 10, "test": 6}),  # test: 20 % of the other 30
    ],
)
def test_default_rule_draws_what_is_not_official(official, expected):
    plan = plan_of(listing([40, 40], lambda _, i: official if i < 10 else "train"))
    assert {split: counts[0] for split, counts in plan.counts.items()} == expected
    assert all(int(p.path[2:5]) < 10 for p in plan.places(official))


def test_train_is_in_the_order_of_rank_then_class():
    plan = plan_of(listing([10, 30, 20]))
    keys = [(place.rank, place.label) for place in plan.train]
    assert keys == sorted(keys) and len(set(keys)) == len(keys)
    assert keys[:4] == [(0, 0), (0, 1), (0, 2), (1, 0)]


def variant(plan, n, draw=0):
    counts = plan.counts["train"]
    size = sum(min(n, count) for count in counts)
    order = plan.draws[draw - 1] if draw else np.arange(len(plan.train))
    return [plan.train[i] for i in order[:size]]


@pytest.mark.parametrize("rule", FACTS)
@pytest.mark.parametrize("draw", range(5))
def test_variants_are_nested_and_disjoint_from_val_and_test(rule, draw):
    plan = plan_of(listing([40, 25, 60]), FACTS[rule])
    held = {*paths(plan, "val"), *paths(plan, "test")}
    assert len(held) == len(plan.val) + len(plan.test)
    before = set()
    for n in range(1, 7):
        found = variant(plan, n, draw)
        assert set(Counter(place.label for place in found).values()) == {n}
        here = {place.path for place in found}
        assert before < here and not here & held
        before = here


def test_draws_reorder_each_class_by_their_own_hash():
    plan = plan_of(listing([20, 30]), split_seed=7)
    for draw in range(1, 5):
        order = plan.draws[draw - 1].tolist()
        assert sorted(order) == list(range(len(plan.train)))
        for label in (0, 1):
            mine = [plan.train[i].path for i in order if plan.train[i].label == label]
            assert mine == sorted(mine, key=lambda path: digest(f"7:{draw}:toy:{path}"))
    assert len({tuple(draw.tolist()) for draw in plan.draws}) == 4


@pytest.mark.parametrize("rule", FACTS)
def test_a_plan_is_blind_to_the_order_of_the_listing(rule):
    images = listing([20, 30], group=lambda _, i: f"g{i // 2}" if i % 3 else None)
    items = list(images.items)
    random.Random(0).shuffle(items)
    shuffled = Listing(images.classes, tuple(items), images.fingerprint)
    first, second = plan_of(images, FACTS[rule]), plan_of(shuffled, FACTS[rule])
    assert first.hash == second.hash and first.train == second.train


def test_the_plan_hash_is_pinned():
    # a change here changes every published number
    plan = plan_of(listing([20, 30, 25]), FACTS["per_class"])
    lines = "".join(
        f"{split}\t{p.rank}\t{p.label}\t{p.path}\n"
        for split in ("train", "val", "test")
        for p in plan.places(split)
    )
    assert plan.hash == digest(lines) == PINNED
    assert (
        plan_of(listing([20, 30, 25]), FACTS["per_class"], split_seed=1).hash != PINNED
    )


PINNED = "0ec10550ac625d51c676cace6f862bbc5119b2ff3671bb529fa7010e13166631"


def test_max_per_class_moves_neither_val_nor_test():
    images = listing([40, 30])
    plans = [
        plan_of(images, FACTS["per_class"], max_per_class=most)
        for most in (3, None, "all")
    ]
    assert [plan.counts["train"] for plan in plans] == [[3, 3], [6, 6], [34, 24]]
    assert len({plan.test for plan in plans}) == len({plan.val for plan in plans}) == 1
    assert set(paths(plans[0], "train")) < set(paths(plans[1], "train"))
    rest = plan_of(images, FACTS["rest"], max_per_class=3)
    assert rest.test == plan_of(images, FACTS["rest"]).test
    assert rest.counts["train"] == [3, 3]
    assert plan_of(images, FACTS["rest"], max_per_class="all").counts["train"] == [6, 6]


def sides(plan, images):
    group_of = {item.path: item.group for item in images.items}
    found = defaultdict(set)
    for split in SPLITS:
        for path in paths(plan, split):
            found[group_of[path]].add(split)
    return found


@pytest.mark.parametrize("rule", FACTS)
def test_groups_stay_on_one_side_across_classes(rule):
    images = listing(
        [60, 60, 60], group=lambda label, i: f"photo{(i * 3 + label) // 5}"
    )
    plan = plan_of(images, FACTS[rule])
    assert all(len(found) == 1 for found in sides(plan, images).values())
    if rule == "per_class":  # exactly the published sizes, whatever groups bring
        assert plan.counts == {"train": [6] * 3, "val": [2] * 3, "test": [4] * 3}


def test_groups_are_taken_in_the_order_of_their_hash():
    images = listing([40, 40], group=lambda _, i: f"g{i // 10}")  # 4 groups of 10 + 10
    order = sorted(
        (f"g{i}" for i in range(4)), key=lambda name: digest(f"0:toy:{name}")
    )
    found = sides(plan_of(images), images)  # wants 8 test and 4 val of each class
    assert found == {
        order[0]: {"test"},
        order[1]: {"val"},
        order[2]: {"train"},
        order[3]: {"train"},
    }


def test_a_share_keeps_all_that_a_group_brings():
    images = listing([40, 40], group=lambda _, i: f"g{i // 10}")
    assert plan_of(images).counts["test"] == [10, 10]


def test_one_group_of_a_class_leaves_it_short():
    images = listing([20, 20], group=lambda label, i: "one" if label == 0 else None)
    with pytest.raises(
        DataError, match="Whole groups leave 1 classes short: 'a' gets 0"
    ):
        plan_of(images)
    # cap uses what there is: no image of a is tested, but it is trained.
    plan = plan_of(images, FACTS["per_class"], short_classes="cap")
    assert plan.counts == {"train": [6, 6], "val": [0, 2], "test": [0, 4]}
    assert plan.short == {"a": 20}
    three = listing([20, 20, 20], group=lambda label, i: "one" if label == 0 else None)
    plan = plan_of(three, short_classes="drop")
    assert plan.classes == ("b", "c") and plan.short == {"a": 20}


def small_classes_in_few_groups():
    """Eight classes of 12 images, in ten groups that hold one or two of each."""
    return listing([12] * 8, group=lambda label, i: f"g{(7 * i + 3 * label) % 10}")


def test_many_small_classes_leave_groups_to_train():
    images = small_classes_in_few_groups()
    facts = DatasetInfo(
        description="", test=8, val=4, largest_train=6, short_classes="cap"
    )
    plan = plan_of(images, facts)
    # Of 18 wanted a class has 12: a share of 12 x 8 // 18 = 5 for test, 2 for val.
    assert len(plan.classes) == 8 and set(plan.short) == set("abcdefgh")
    assert min(plan.counts["train"]) >= 1
    assert min(plan.counts["test"]) >= 5 and max(plan.counts["test"]) <= 8
    assert min(plan.counts["val"]) >= 2 and max(plan.counts["val"]) <= 4
    assert all(len(found) == 1 for found in sides(plan, images).values())
    shuffled = Listing(images.classes, images.items[::-1], images.fingerprint)
    assert plan_of(shuffled, facts).hash == plan.hash


def test_a_class_of_one_group_has_it_for_train():
    items = list(small_classes_in_few_groups().items)
    items += [Item(f"z/{i}", 8, None, "g0") for i in range(3)]
    images = make_listing("abcdefghz", items, "0" * 64, where="test")
    facts = DatasetInfo(
        description="", test=8, val=4, largest_train=6, short_classes="cap"
    )
    plan = plan_of(images, facts)
    assert {s: n[8] for s, n in plan.counts.items()} == {
        "train": 3,
        "val": 0,
        "test": 0,
    }
    assert sides(plan, images)["g0"] == {"train"}
    assert min(plan.counts["test"][:8]) >= 1


def test_capped_groups_that_leave_every_class_trained_stay_as_they_were():
    # a change here changes the published splits of grouped datasets
    images = listing([40, 40, 9], group=lambda label, i: f"g{(i + label) // 3}")
    plan = plan_of(images, FACTS["per_class"], short_classes="cap")
    assert plan.counts == {"train": [6, 6, 2], "val": [2, 2, 2], "test": [4, 4, 4]}
    assert plan.hash == GROUPED


GROUPED = "c5c19ce24727da9c56f663597b2c1d62ecc64fbbf8c75c7ff68681f2b4d4272e"


def test_a_group_in_two_official_sets_is_refused():
    images = listing(
        [20, 20], lambda _, i: "test" if i < 5 else None, lambda _, i: f"g{i // 2}"
    )
    with pytest.raises(DataError, match="Expected group 'g2' in one split"):
        plan_of(images)


def test_short_classes_are_an_error_that_names_them():
    with pytest.raises(DataError) as error:
        plan_of(listing([12, 11, 4]), FACTS["per_class"])
    assert str(error.value) == (
        "2 of 3 classes fall short of images: 'b' has 11 of 12 (6 train, 2 val, 4 "
        "test), 'c' has 4 of 12 (6 train, 2 val, 4 test); choose --short-classes cap "
        "(use what there is) or drop (leave them out), or a smaller --max-per-class."
    )
    plan_of(listing([12, 11, 7]), FACTS["per_class"], max_per_class=1)
    with pytest.raises(DataError, match=r"and 2 more; choose"):
        plan_of(listing([1] * 12), FACTS["per_class"])


@pytest.mark.parametrize(
    ("size", "train", "val", "test"),
    [
        (11, 5, 2, 4),  # val and test whole, train what is left
        (7, 1, 2, 4),
        (6, 1, 1, 4),  # 5 for val and test: 5 x 2 // 6 = 1, the rest 4
        (4, 1, 1, 2),
        (2, 1, 0, 1),
        (1, 1, 0, 0),
    ],
)
@pytest.mark.parametrize("rule", ["per_class"])
def test_cap_uses_what_there_is(size, train, val, test, rule):
    plan = plan_of(listing([20, size]), FACTS[rule], short_classes="cap")
    assert {s: n[1] for s, n in plan.counts.items()} == {
        "train": train,
        "val": val,
        "test": test,
    }
    assert plan.short == {"b": size}


@pytest.mark.parametrize(
    ("size", "train", "val", "test"),
    [(9, 6, 2, 1), (8, 5, 2, 1), (4, 1, 2, 1), (3, 1, 1, 1), (2, 1, 0, 1)],
)
def test_cap_under_rest_leaves_an_image_to_test(size, train, val, test):
    plan = plan_of(listing([20, size]), FACTS["rest"], short_classes="cap")
    assert [plan.counts[split][1] for split in SPLITS] == [train, val, test]


def test_drop_leaves_classes_out_and_numbers_the_others_anew():
    plan = plan_of(listing([20, 3, 20]), FACTS["per_class"], short_classes="drop")
    assert plan.classes == ("a", "c") and plan.short == {"b": 3}
    assert {place.label for place in plan.train} == {0, 1}
    assert all(place.path[0] == "ac"[place.label] for place in plan.train)
    with pytest.raises(
        DataError, match="at least two classes with enough images, got 1"
    ):
        plan_of(listing([20, 3]), FACTS["per_class"], short_classes="drop")


def test_the_facts_say_what_is_usual():
    facts = dataclasses.replace(FACTS["per_class"], short_classes="cap")
    assert plan_of(listing([20, 3]), facts).short == {"b": 3}


def test_a_class_without_official_test_images_falls_short():
    images = listing(
        [20, 20], lambda label, i: "test" if label == 0 and i < 5 else None
    )
    with pytest.raises(DataError, match="'b' has no official test image; choose"):
        plan_of(images)
    assert plan_of(images, short_classes="cap").counts["test"] == [5, 0]


def test_a_class_without_training_images_is_left_out_by_cap():
    images = listing([20, 5], lambda label, i: "test" if label or i < 5 else None)
    with pytest.raises(DataError, match="at least two classes with enough images, go"):
        plan_of(images, short_classes="cap")
    images = listing(
        [20, 5, 20], lambda label, i: "test" if label == 1 or i < 5 else None
    )
    plan = plan_of(images, short_classes="cap")
    assert plan.classes == ("a", "c") and plan.short == {"b": 0}
    assert plan.counts["test"] == [5, 5]


@pytest.mark.parametrize(
    ("sizes", "facts", "message"),
    [
        ([1, 1], ANY, "No image is left for val"),
        ([2, 2], ANY, "No image is left for val"),
        (
            [9, 9],
            DatasetInfo(description="", test="official"),
            "Expected an official test set",
        ),
    ],
)
def test_a_split_without_an_image_is_refused(sizes, facts, message):
    with pytest.raises(DataError, match=message):
        plan_of(listing(sizes), facts)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_per_class": 0}, "max_per_class of at least 1, or 'all', got 0"),
        ({"max_per_class": "some"}, "got 'some'"),
        (
            {"short_classes": "keep"},
            "Expected short_classes error, cap or drop, got 'keep'",
        ),
        ({"max_per_class": 7}, "max_per_class of at most 6, got 7: all other images"),
    ],
)
def test_arguments_out_of_range(options, message):
    with pytest.raises(InputError, match=message):
        plan_of(listing([20, 20]), FACTS["rest"], **options)
