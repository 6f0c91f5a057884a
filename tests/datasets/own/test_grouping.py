"""What belongs together, as a folder, a pattern or a column tells it."""

import re

import pytest

from kerastransfer.datasets.own.grouping import Grouping, read_grouping, with_column
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError, InputError


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())


def groups(spec, **options):
    listing = resolve(str(spec), options=options).listing()
    return {item.path: item.group for item in listing.items}


def folder(root, group_by, **options):
    return groups(f"folder:{root}", group_by=group_by, **options)


def test_a_group_is_the_folder_below_the_class_however_deep_the_image_lies(tmp_path):
    touch(tmp_path, "ill/tom/1.jpg", "ill/tom/left/2.jpg", "ill/ann/1.jpg")
    touch(tmp_path, "well/tom/3.jpg", "well/eve/2025/may/1.jpg")
    assert folder(tmp_path, "folder") == {
        "ill/tom/1.jpg": "tom",
        "ill/tom/left/2.jpg": "tom",
        "ill/ann/1.jpg": "ann",
        "well/tom/3.jpg": "tom",  # of two classes, and one patient
        "well/eve/2025/may/1.jpg": "eve",
    }


def test_folders_of_the_same_names_in_all_classes_are_groups_where_that_is_said(
    tmp_path,
):
    touch(tmp_path, *(f"{c}/p{p}/{i}.jpg" for c in "ab" for p in "12" for i in "34"))
    with pytest.raises(DataError, match="say --group-by folder"):
        folder(tmp_path, None)
    with pytest.raises(DataError, match="say --group-by folder"):
        folder(tmp_path, "(p.)")  # which says nothing of what the folders are
    assert set(folder(tmp_path, "folder").values()) == {"p1", "p2"}


@pytest.mark.parametrize(
    "path", ["Train/cat/tom/1.jpg", "data/cat/tom/1.jpg", "cat/train/tom/1.jpg"]
)
def test_the_class_folder_may_lie_below_or_above_splits_and_wrappers(tmp_path, path):
    others = {"Train/cat/tom/1.jpg": ["test/cat/x/1.jpg", "test/dog/y/1.jpg"]}
    touch(tmp_path, path, path.replace("cat", "dog").replace("tom", "rex"))
    touch(tmp_path, *others.get(path, []))
    if path.startswith("cat"):
        touch(tmp_path, "cat/test/eve/1.jpg", "dog/test/max/1.jpg")
    read = folder(tmp_path, "folder")
    assert read[path] == "tom"
    assert read[path.replace("cat", "dog").replace("tom", "rex")] == "rex"


def test_images_beside_the_folders_of_groups_are_refused_by_name_and_count(tmp_path):
    touch(tmp_path, "cat/tom/1.jpg", "cat/2.jpg", "dog/3.jpg", "dog/rex/4.jpg")
    with pytest.raises(
        DataError, match=r"2 of 4 images, such as 'cat/2.jpg', are in none; move them"
    ):
        folder(tmp_path, "folder")
    read = folder(tmp_path, "folder", exclude="/*/*.jpg")
    assert read == {"cat/tom/1.jpg": "tom", "dog/rex/4.jpg": "rex"}


@pytest.mark.parametrize(
    ("pattern", "group"),
    [
        (r"(p\d+)_", "p12"),
        (r"/(p\d+)_(s\d)", "p12"),  # the first of several
        (r"(?P<eye>[lr])\.jpg$", "l"),  # any name but that of another
        (r"/(.)\d+_(?P<group>s\d)", "s3"),  # the one of that name
        (r"^([^/]+)/", "cat"),
        (r"_(s\d)_l", "s3"),
    ],
)
def test_a_pattern_is_searched_for_and_its_group_is_the_group(pattern, group):
    assert read_grouping(pattern).group("cat/p12_s3_l.jpg", "cat") == group


def test_an_image_that_no_pattern_fits_is_named_with_their_number(tmp_path):
    touch(tmp_path, "cat/p1_1.jpg", "cat/p2_1.jpg", "dog/x.jpg", "dog/p_3.jpg")
    with pytest.raises(
        DataError, match=r"2 of 4 images, such as 'dog/p_3.jpg', have none by it"
    ):
        folder(tmp_path, r"(p\d)")
    # a group that took no part, or took nothing, is none
    with pytest.raises(DataError, match="3 of 4 images"):
        folder(tmp_path, r"(p1)|x")
    with pytest.raises(DataError, match="4 of 4 images"):
        folder(tmp_path, r"(y*)")


@pytest.mark.parametrize(
    ("group_by", "message"),
    [
        (r"p\d+", r"a PATTERN with a group in parentheses, such as '(patient\d+)_'"),
        (r"(?:p\d+)", "with a group in parentheses"),
        ("(p", "a regular expression, got '(p': missing )"),
        ("(a{99999999999999999999})", "a regular expression, got"),
        ("(" + "a" * 500 + ")", "of at most 500 characters, got 502"),
        ("column:patient", "columns are those of csv:, parquet: and tfds:"),
        ("", "with a group in parentheses"),
    ],
)
def test_what_is_no_pattern_is_refused_before_anything_is_read(
    tmp_path, group_by, message
):
    with pytest.raises(InputError, match=re.escape(message)):
        resolve(f"folder:{tmp_path}/none", options={"group_by": group_by})


@pytest.fixture
def table(tmp_path):
    touch(tmp_path, "tom/p1_a.jpg", "tom/p2_b.jpg", "ann/p1_c.jpg")
    text = "path;label;eye;patient (id)\ntom/p1_a.jpg;x;l;7\ntom/p2_b.jpg;y;r;8\n"
    (tmp_path / "list.csv").write_text(text + "ann/p1_c.jpg;x;l;\n")
    return f"csv:{tmp_path}/list.csv"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"group_by": "column:eye"}, ["l", "l", "r"]),
        ({"group_by": "eye"}, ["l", "l", "r"]),
        ({"group_by": "EYE", "group_column": "EYE"}, ["l", "l", "r"]),
        ({"group_column": "eye"}, ["l", "l", "r"]),
        ({"group_by": "column:patient (id)"}, [None, "7", "8"]),
        ({"group_by": "folder"}, ["ann", "tom", "tom"]),
        ({"group_by": r"/(p\d)"}, ["p1", "p1", "p2"]),
    ],
)
def test_a_table_is_grouped_by_columns_folders_or_a_pattern(table, options, expected):
    assert list(groups(table, **options).values()) == expected


def test_a_column_is_one_dataset_however_it_is_named(table):
    ways = [{"group_by": "eye"}, {"group_by": "column:eye"}, {"group_column": "eye"}]
    assert len({str(resolve(table, options=way).options) for way in ways}) == 1
    other = resolve(table, options={"group_by": "folder"}).options
    assert other["group_by"] == "folder" and other["group_column"] is None


def test_a_pattern_goes_before_a_column_that_is_only_called_group(tmp_path):
    touch(tmp_path, "p1_a.jpg", "p2_b.jpg")
    (tmp_path / "t.csv").write_text(
        "path,label,group\np1_a.jpg,x,same\np2_b.jpg,y,same\n"
    )
    assert list(groups(tmp_path / "t.csv").values()) == ["same", "same"]
    read = groups(tmp_path / "t.csv", group_by=r"(p\d)")
    assert list(read.values()) == ["p1", "p2"]


def test_what_a_table_does_not_have_or_says_twice_is_refused(table):
    with pytest.raises(InputError, match="--group-column or --group-by to name a"):
        groups(table, group_by="patient")
    with pytest.raises(InputError, match="they say 'folder' and 'eye'; leave one out"):
        resolve(table, options={"group_by": "folder", "group_column": "eye"})
    with pytest.raises(InputError, match="they say 'label' and 'eye'"):
        resolve(table, options={"group_by": "label", "group_column": "eye"})
    with pytest.raises(InputError, match="a regular expression, got '\\(id'"):
        resolve(table, options={"group_by": "(id"})
    with pytest.raises(DataError, match=r"have none by it; .* leave their rows out"):
        groups(table, group_by="(p2)")


def test_a_data_frame_is_grouped_as_its_table_is(table, tmp_path, monkeypatch):
    pandas = pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    frame = pandas.read_csv(table.removeprefix("csv:"), sep=";")

    def of_frame(**options):
        return [item.group for item in resolve(frame, options=options).listing().items]

    assert of_frame(group_by="eye") == ["l", "l", "r"]
    assert of_frame(group_by="folder") == ["ann", "tom", "tom"]
    assert of_frame(group_by=r"/(p\d)") == ["p1", "p1", "p2"]
    specs = [resolve(frame, options={"group_by": g}).spec for g in ("eye", "folder")]
    assert len(set(specs)) == 2


def test_images_without_paths_are_grouped_by_columns_alone(tmp_path):
    for spec in (f"parquet:{tmp_path}/a.parquet", "tfds:some"):
        for value in ("folder", r"(p\d)"):
            with pytest.raises(InputError, match="column:NAME, for its images have no"):
                resolve(spec, options={"group_by": value})
        options = resolve(spec, options={"group_by": "site"}).options
        assert options["group_column"] == "site" and options["group_by"] is None


def test_options_are_left_as_they_are_where_nobody_groups():
    assert with_column({"label_column": "a"}, "a table") == {"label_column": "a"}
    assert read_grouping(None) is None and read_grouping("folder") == Grouping()
