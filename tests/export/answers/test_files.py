"""Which files are classified, of files, folders and lists."""

from pathlib import Path

import pytest
from PIL import Image

from kerastransfer.errors import InputError, MissingError
from kerastransfer.export.answers import files


@pytest.fixture
def folder(tmp_path):
    for name in ("b/2.png", "b/10.png", "a.png", "b/c/x.jpg"):
        file = tmp_path / "photos" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(file)
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    return tmp_path / "photos"


def test_a_folder_gives_its_images_at_any_depth_and_says_what_it_passed_over(
    folder, capsys
):
    found = files.image_files([folder])
    names = [path.relative_to(folder).as_posix() for path in found]
    assert names == ["a.png", "b/10.png", "b/2.png", "b/c/x.jpg"]
    (folder / "b" / "nowhere.png").symlink_to(folder / "gone.png")
    files.image_files([folder])
    said = capsys.readouterr().err
    assert said.splitlines()[-1].endswith("1 links that lead nowhere.") or (
        "1 links that lead nowhere" in said and "2 links" not in said
    )


def test_what_is_named_is_taken_in_its_order_once_and_whatever_it_is(folder):
    text = folder / "notes.txt"
    named = [folder / "b", text, folder / "b" / "2.png", folder / "missing.png"]
    found = [path.name for path in files.image_files(named)]
    # Twice what is named twice: answers pair with names.
    assert found == ["10.png", "2.png", "x.jpg", "notes.txt", "2.png", "missing.png"]
    again = [folder / "a.png", folder / "b" / "..", folder / "b"]
    names = [path.name for path in files.image_files(again)]
    assert sorted(names) == ["10.png", "2.png", "a.png", "x.jpg"]


def test_nothing_is_refused_in_one_line(folder, tmp_path):
    with pytest.raises(InputError, match="got none"):
        files.refuse_missing([], [])
    (tmp_path / "empty").mkdir()
    with pytest.raises(MissingError, match="Expected images in"):
        files.image_files([folder, tmp_path / "empty"])
    names = (
        [tmp_path / "x" * 300, tmp_path / "y.png"]
        if False
        else [
            tmp_path / ("x" * 300),
            tmp_path / "y.png",
        ]
    )
    assert files.image_files(names) == names
    with pytest.raises(MissingError, match="none of 2 is there"):
        files.refuse_missing(names, names)
    files.refuse_missing([names[0], folder], [names[0], folder / "a.png"])


def test_links_that_lead_round_in_a_circle_are_walked_once(folder):
    (folder / "b" / "again").symlink_to(folder, target_is_directory=True)
    found = files.image_files([folder])
    assert len({path.resolve() for path in found}) == 4


def test_a_list_may_hold_any_name():
    assert files.listed(b"a.png\r\nb c.png\n\n") == [Path("a.png"), Path("b c.png")]
    assert [str(p).encode("utf-8", "surrogateescape") for p in files.listed(b"\xff\n")]
    (odd,) = files.listed(b"two\nlines.png\0")
    assert odd.name == "two\nlines.png"


def test_a_fingerprint_changes_with_a_file(folder):
    paths = files.image_files([folder])
    before = files.fingerprint(paths)
    assert files.fingerprint(paths) == before
    assert files.fingerprint([*paths, folder / "missing"]) != before
    Image.new("RGB", (40, 40)).save(paths[0])
    assert files.fingerprint(paths) != before
