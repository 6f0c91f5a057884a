from kerastransfer.datasets import class_counts


def test_what_was_published_differs_in_nothing():
    rows = class_counts.published("cub200")
    names = [row.classes[0] for row in rows]
    assert class_counts.differences("cub200", names, [row.images for row in rows]) == ""


def test_differences_name_classes():
    rows = class_counts.published("cub200")
    names = [row.classes[0] for row in rows]
    counts = [row.images for row in rows]
    counts[3] -= 1
    told = class_counts.differences(
        "cub200", [*names[:-1], "201.Dodo"], [*counts[:-1], 7]
    )
    total = sum(counts[:-1]) + 7
    assert told == (
        f"Expected 11,788 images of 200 classes in cub200, found {total:,} of 200: "
        f"{names[3]} {counts[3]} instead of {counts[3] + 1}; {names[-1]} 0 instead of "
        f"{rows[-1].images}; 201.Dodo is not known."
    )


def test_classes_that_were_counted_together_are_compared_together():
    rows = class_counts.published("plankton")
    counts = {row.classes[0]: row.images for row in rows}
    counts["mix"], counts["mix_elongated"] = counts["mix"] - 100, 100
    assert class_counts.differences("plankton", [*counts], [*counts.values()]) == ""
    counts["mix"] += 1
    told = class_counts.differences("plankton", [*counts], [*counts.values()])
    assert "mix + mix_elongated 2,674,045 instead of 2,674,044." in told


def test_nothing_is_said_where_nothing_was_published():
    assert class_counts.differences("digits", ["0"], [5]) == ""
    assert class_counts.published("digits") == ()
    assert class_counts.differences("coral", ["Sand"], [5]) == ""
