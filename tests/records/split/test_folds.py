"""Folds: whole groups, every class, scikit-learn's own cuts."""

import numpy as np
import pytest
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from kerastransfer.errors import DataError
from kerastransfer.records.split.folds import FoldImages, assign, make_folds

CLASSES = ("a", "b", "c")


def images_of(sizes, group):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    places = [i for size in sizes for i in range(size)]
    pairs = list(zip(labels.tolist(), places, strict=True))
    return FoldImages(
        classes=CLASSES[: len(sizes)],
        labels=labels,
        ids=[f"{label}/{i}.jpg" for label, i in pairs],
        groups=[group(label, i) for label, i in pairs],
    )


def cut(images, num_folds, num_val=20, seed=0):
    return make_folds(images, num_folds, num_val=num_val, seed=seed)


def nobody(label, i):
    return ""


def own(label, i):
    return f"{label}-{i // 4}"


def across(label, i):
    return f"g{(i + label) // 3}"


def some(label, i):
    return f"g{i // 3}" if i % 5 else ""


@pytest.mark.parametrize("num_folds", [2, 3, 5, 10])
@pytest.mark.parametrize("group", [nobody, own, across, some])
@pytest.mark.parametrize("seed", [0, 7])
def test_every_image_is_held_out_once_and_no_group_is_on_two_sides(
    num_folds, group, seed
):
    images = images_of([60, 45, 40], group)
    folds = cut(images, num_folds, seed=seed)
    assert len(folds) == num_folds
    held = np.concatenate([fold.held_out for fold in folds])
    assert sorted(held.tolist()) == list(range(145))
    units = images.units
    for fold in folds:
        parts = (fold.train, fold.val, fold.held_out)
        assert sorted(np.concatenate(parts).tolist()) == list(range(145))
        sides = [set(units[part].tolist()) for part in parts]
        assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
        assert set(images.labels[fold.train].tolist()) == {0, 1, 2}
        assert len(fold.val) < len(fold.train)


def test_the_units_are_the_groups_and_single_images():
    images = images_of([4, 4], lambda label, i: ["x", "x", "", "0/3.jpg"][i])
    units = images.units
    assert units[0] == units[1] == units[4] == units[5]  # x, of both classes
    assert units[3] == units[7]  # a group that is called as an image is
    assert len({units[0], units[2], units[6], units[3]}) == 4


@pytest.mark.parametrize("seed", [0, 3])
def test_they_are_the_cuts_of_scikit_learn(seed):
    grouped = images_of([60, 45, 40], across)
    splitter = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
    names = np.array(grouped.groups)
    expected = [test for _, test in splitter.split(names, grouped.labels, names)]
    folds = cut(grouped, 5, seed=seed)
    for fold, test in zip(folds, expected, strict=True):
        np.testing.assert_array_equal(fold.held_out, test)
    single = images_of([60, 45, 40], nobody)
    plain = StratifiedKFold(5, shuffle=True, random_state=seed)
    expected = [test for _, test in plain.split(single.labels, single.labels)]
    for fold, test in zip(cut(single, 5, seed=seed), expected, strict=True):
        np.testing.assert_array_equal(fold.held_out, test)
        np.testing.assert_array_equal(np.bincount(single.labels[test]), [12, 9, 8])


def test_a_seed_says_which_and_any_whole_number_is_one():
    images = images_of([60, 45, 40], own)
    owners = [
        assign(images.labels, images.units, 5, seed).tolist()
        for seed in (0, 0, 1, -1, 2**40)
    ]
    assert owners[0] == owners[1]
    assert len({str(each) for each in owners}) >= 3
    one, again = cut(images, 5), cut(images, 5)
    assert [f.val.tolist() for f in one] == [f.val.tolist() for f in again]


@pytest.mark.parametrize(
    ("num_val", "expected"),
    # beside a fold are 45, 30 and 15 images; of 120 images are 24, and so on
    [(24, [9, 6, 3]), (8, [3, 2, 1]), (60, [22.5, 15, 7.5]), (110, [22.5, 15, 7.5])],
)
def test_the_epoch_is_chosen_by_the_share_that_the_records_have_for_it(
    num_val, expected
):
    images = images_of([60, 40, 20], nobody)
    for fold in cut(images, 4, num_val=num_val):
        counts = np.bincount(images.labels[fold.val])
        np.testing.assert_allclose(counts, expected, atol=0.5)


def test_whole_groups_do_not_make_that_share_much_larger():
    images = images_of([60, 60, 60], lambda label, i: f"g{i // 3}")  # 20 groups of 9
    for fold in cut(images, 4, num_val=36):
        assert len(fold.val) == 27  # 3 of 15 groups


@pytest.mark.parametrize(
    ("group", "num_folds", "message"),
    [
        (nobody, 10, "at least 10 images .* got 'c' 6; choose --folds 6, or add im"),
        (own, 3, "at least 3 groups of each class .* got 'c' 2; choose --folds 2"),
        (
            lambda label, i: "all" if label == 2 else own(label, i),
            2,
            "'c' 1; leave such classes out, or add groups",
        ),
    ],
)
def test_more_folds_than_a_class_has_images_or_groups_are_refused(
    group, num_folds, message
):
    with pytest.raises(DataError, match=message):
        cut(images_of([60, 45, 6], group), num_folds)


def test_a_fold_that_would_hold_all_of_a_class_is_refused():
    # two groups of c: one is held out, and the other one is kept for training
    images = images_of([20, 20, 8], own)
    for fold in cut(images, 2):
        assert 2 in images.labels[fold.train] and 2 not in images.labels[fold.val]
    # all classes have two groups, and nothing is left to validate on
    for images in (images_of([8, 8, 8], own), images_of([2, 2, 2], nobody)):
        with pytest.raises(DataError, match="no image to validate on; choose another"):
            cut(images, 2)
