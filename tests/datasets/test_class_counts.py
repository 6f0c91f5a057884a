from kerastransfer.datasets import class_counts
from kerastransfer.datasets.table import DATASETS


def differences_of(name, classes, counts):
    published = DATASETS[name].published_counts
    return class_counts.differences(name, published, classes, counts)


def test_what_was_published_differs_in_nothing():
    rows = DATASETS["cub200"].published_counts
    names = [row.classes[0] for row in rows]
    assert differences_of("cub200", names, [row.images for row in rows]) == ""


def test_differences_name_classes():
    rows = DATASETS["cub200"].published_counts
    names = [row.classes[0] for row in rows]
    counts = [row.images for row in rows]
    counts[3] -= 1
    told = differences_of("cub200", [*names[:-1], "201.Dodo"], [*counts[:-1], 7])
    total = sum(counts[:-1]) + 7
    assert told == (
        f"Expected 11,788 images of 200 classes in cub200, found {total:,} of 200: "
        f"{names[3]} {counts[3]} instead of {counts[3] + 1}; {names[-1]} 0 instead of "
        f"{rows[-1].images}; 201.Dodo is not known."
    )


def test_classes_that_were_counted_together_are_compared_together():
    rows = DATASETS["plankton"].published_counts
    counts = {row.classes[0]: row.images for row in rows}
    counts["mix"], counts["mix_elongated"] = counts["mix"] - 100, 100
    assert differences_of("plankton", [*counts], [*counts.values()]) == ""
    counts["mix"] += 1
    told = differences_of("plankton", [*counts], [*counts.values()])
    assert "mix + mix_elongated 2,674,045 instead of 2,674,044." in told


def test_nothing_is_said_where_nothing_was_published():
    assert class_counts.differences("digits", (), ["0"], [5]) == ""
    assert DATASETS["digits"].published_counts == ()


def test_corals_counts_need_not_be_exact():
    counts = {row.classes[0]: row.images for row in DATASETS["coral"].published_counts}
    counts["Sand"] = int(0.95 * counts["Sand"])
    counts["Porites"] = 1_000  # counted with three labels that are others here
    assert differences_of("coral", [*counts], [*counts.values()]) == ""
    counts["Sand"] //= 2
    told = differences_of("coral", [*counts], [*counts.values()])
    assert told.endswith(f": Sand {counts['Sand']:,} instead of 34,141 or more.")


def test_classes_of_a_half_have_bounds():
    known = DATASETS["yosinski_0a"].info.classes
    counts = [782, 1_350] * 250
    assert differences_of("yosinski_0a", known, counts) == ""
    counts[:3] = [781, 1_351, 0]
    told = differences_of("yosinski_0a", known, counts)
    assert told == (
        f"Expected 500 classes in yosinski_0a, found {sum(counts):,} images of 499: "
        f"{known[0]} 781 instead of 782 to 1,350; {known[1]} 1,351 instead of 782 to "
        f"1,350; {known[2]} 0 instead of 782 to 1,350."
    )
