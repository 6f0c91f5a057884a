"""Files in a folder: which are images, and what becomes of all others."""

import os
import socket

import pytest
from helpers.pictures import bmp, gif, jpeg, png

from kerastransfer.datasets.own.folders.first_bytes import image_kind
from kerastransfer.datasets.table import resolve
from kerastransfer.errors import DataError
from kerastransfer.foundation.report import KerasTransferWarning

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n"
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


def write(root, **files):
    """Write files: ``cat__a_jpg`` is ``cat/a.jpg``; or give the path itself."""
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def two_classes(root):
    write(root, **{"cat/a.jpg": b"x", "dog/b.jpg": b"y"})
    return root


def listing(root, **selection):
    return resolve(f"folder:{root}", options=selection).listing()


def names(root, **selection):
    return [item.path for item in listing(root, **selection).items]


def test_images_are_known_by_their_bytes_where_names_tell_nothing(tmp_path):
    two_classes(tmp_path)
    files = {
        "cat/no_suffix": jpeg(0),
        "cat/photo.jpg?w=800": jpeg(1),
        "cat/photo.jpg_large": png(2),
        "cat/photo.JPG!d": gif(3),
        "cat/1234.5": bmp(4),
        "cat/phone.heic": HEIC,
        "cat/phone.avif": b"\0\0\0\x1cftypavif\0\0\0\0",
        "cat/scan.jp2": b"\0\0\0\x0cjP  \r\n\x87\n",
        "cat/gray.pnm": b"P5\n2 2\n255\n\0\1\2\3",
        "cat/web.bin": b"RIFF\0\0\0\0WEBPVP8 ",
    }
    write(tmp_path, **files)
    assert set(names(tmp_path)) == {"cat/a.jpg", "dog/b.jpg", *files}


def test_what_is_no_image_is_counted_by_kind(tmp_path):
    two_classes(tmp_path)
    write(
        tmp_path,
        **{
            "cat/a.txt": b"P5 is a name, BMW a car",
            "cat/b.xml": jpeg(0),  # there may be one for each image: not opened
            "cat/notes": b"BM, as in BMW, but no bitmap for all that it is long",
            "cat/P1": b"P1 is a patient",
            "cat/shot.NEF": b"II*\0" + bytes(2000),
            "cat/film.mp4": b"\0\0\0\x18ftypmp42",
            "cat/old.jpg~": jpeg(0),
            "cat/half.jpg.crdownload": jpeg(0),
            "dog/scan.qqq": b"what is it",
            "top.jpg": jpeg(0),
            "readme.md": b"",
            "dog/nothing": b"",
        },
    )
    listed = listing(tmp_path)
    assert [item.path for item in listed.items] == ["cat/a.jpg", "dog/b.jpg"]
    assert listed.ignored == {
        ".txt files": 1,
        ".xml files": 1,
        ".mp4 files": 1,
        ".md files": 1,
        "empty files": 1,
        ".qqq files": 1,
        "other files without an image in them": 2,
        "camera raw files": 1,
        "copies and parts of files (~, .bak, .tmp, .part, ...)": 2,
        "images beside the class folders": 1,
    }


def test_droppings_of_disks_and_editors_are_skipped_and_counted(tmp_path):
    two_classes(tmp_path)
    folders = (
        *("@eaDir", "#recycle", "lost+found", ".thumbnails", ".@__thumb", "__MACOSX"),
        *(
            ".ipynb_checkpoints",
            "$RECYCLE.BIN",
            "System Volume Information",
            "@Recycle",
        ),
    )
    for place in ("", "cat/"):
        write(tmp_path, **{f"{place}{name}/t.jpg": jpeg(0) for name in folders})
    write(tmp_path, **{"cat/._a.jpg": b"", "cat/Thumbs.db": b"", "dog/~$x.jpg": b""})
    listed = listing(tmp_path)
    assert [item.path for item in listed.items] == ["cat/a.jpg", "dog/b.jpg"]
    assert listed.ignored == {
        "hidden and system folders": 20,
        "hidden and system files": 3,
    }


def test_the_first_bytes_are_those_of_the_format(tmp_path):
    for kind, data in (
        ("JPEG", jpeg(0)),
        ("PNG", png(0)),
        ("GIF", gif(0)),
        ("BMP", bmp(0)),
        ("HEIC", HEIC),
        ("AVIF", b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif"),
        ("QOI", b"qoif\0\0\0\1\0\0\0\1\3\0"),
        ("PNM", b"Pf\n2 2\n-1.0\n"),
        (None, b"BM, a short text"),
        (None, b"BMW is a maker of cars, and of motorcycles too"),
        (None, b""),
    ):
        (tmp_path / "x").write_bytes(data)
        assert image_kind(tmp_path / "x") == kind


def test_links_are_followed_and_told(tmp_path):
    root, store = tmp_path / "in", tmp_path / "store"
    write(store, **{"1.jpg": b"one", "owls/2.jpg": b"two", "blob": jpeg(0)})
    (root / "cat").mkdir(parents=True)
    (root / "dog").mkdir()
    (root / "cat/a.jpg").symlink_to(store / "1.jpg")
    (root / "cat/annexed").symlink_to(store / "blob")
    (root / "dog/b.jpg").symlink_to(root / "cat/a.jpg")
    (root / "owl").symlink_to(store / "owls")
    listed = listing(root)
    assert [item.path for item in listed.items] == [
        *("cat/a.jpg", "cat/annexed", "dog/b.jpg", "owl/2.jpg")
    ]
    assert listed.classes == ("cat", "dog", "owl")
    [note] = listed.notes
    assert note == (
        "links followed: 3 to files, such as 'cat/a.jpg'; 1 to folders, such as 'owl'"
    )
    write(root, **{"dog/c.jpg": b"x", "cat/d.jpg": b"x"})
    listed = listing(root, no_follow_links=True)
    assert [item.path for item in listed.items] == ["cat/d.jpg", "dog/c.jpg"]
    assert listed.ignored["links, which are not followed"] == 4
    assert listed.notes == ("chosen with --no-follow-links",)


def test_loops_end_and_are_counted(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "cat/itself").symlink_to(tmp_path / "cat/itself")
    (tmp_path / "cat/up").symlink_to(tmp_path)
    (tmp_path / "cat/root").symlink_to("/")
    with pytest.warns(KerasTransferWarning, match="1 links in a circle.* lost 1 of 2"):
        listed = listing(tmp_path)
    assert [item.path for item in listed.items] == ["cat/a.jpg", "dog/b.jpg"]
    assert listed.ignored == {
        "links in a circle": 1,
        "links to a folder that holds them": 2,
    }


def test_loops_outside_the_folder_end_too(tmp_path):
    root, store = two_classes(tmp_path / "in"), tmp_path / "store"
    write(store, **{"deep/1.jpg": b"x"})
    (store / "deep" / "again").symlink_to(store)
    (root / "cat" / "more").symlink_to(store)
    listed = listing(root)
    assert [item.path for item in listed.items] == [
        *("cat/a.jpg", "cat/more/deep/1.jpg", "dog/b.jpg")
    ]
    assert listed.ignored == {"links to a folder that holds them": 1}


def test_pipes_and_sockets_are_not_opened(tmp_path):
    two_classes(tmp_path)
    os.mkfifo(tmp_path / "cat/pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "dog/s.jpg"))
        assert listing(tmp_path).ignored == {"pipes, sockets and devices": 2}


def test_folders_deeper_than_one_can_walk_are_refused(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "cat").joinpath(*["d"] * 70).mkdir(parents=True)
    with pytest.raises(DataError, match="lie more than 64 deep"):
        listing(tmp_path)


GONE = {
    "links that lead nowhere": lambda path: path.symlink_to("/nowhere/1.jpg"),
    "Git LFS pointers": lambda path: path.write_bytes(LFS),
    "git-annex pointers": lambda path: path.write_bytes(b"/annex/objects/MD5-1\n"),
    "DVC pointers": lambda path: path.with_name(path.name + ".dvc").write_text("outs:"),
}


@pytest.mark.parametrize("kind", GONE)
def test_images_that_are_gone_are_told_by_class(kind, tmp_path):
    two_classes(tmp_path)
    for number in range(3):
        GONE[kind](tmp_path / "cat" / f"gone{number}.jpg")
    with pytest.warns(KerasTransferWarning) as told:
        listed = listing(tmp_path)
    assert len(listed.items) == 2 and listed.ignored[kind] == 3
    [message] = [str(each.message) for each in told]
    assert f"3 images in {str(tmp_path)!r} cannot be had (3 {kind})" in message
    assert "class 'cat' lost 3 of 4;" in message
    (tmp_path / "cat/a.jpg").unlink()
    with pytest.raises(
        DataError, match=rf"cat' holds no image: all are lost \(3 {kind}"
    ):
        listing(tmp_path)


@pytest.mark.parametrize("kind", GONE)
@pytest.mark.parametrize("split", ["test", "Validation set"])
def test_an_official_set_that_lost_images_is_refused(kind, split, tmp_path):
    for place in ("train", split):
        two_classes(tmp_path / place)
    word = "test" if split == "test" else "val"
    GONE[kind](tmp_path / split / "dog" / "gone.jpg")
    with pytest.raises(DataError) as error:
        listing(tmp_path)
    assert f"The official {word} set in {str(tmp_path)!r} is not whole" in str(
        error.value
    )
    assert f"'dog' lost 1 of 2 images (1 {kind})" in str(error.value)
    # what the message says to write
    pattern = str(error.value).partition("--exclude '")[2].partition("'")[0]
    assert len(names(tmp_path, exclude=pattern)) == 4


def test_an_official_set_that_is_gone_is_refused(tmp_path):
    two_classes(tmp_path / "train")
    (tmp_path / "test").symlink_to("/mnt/gone/test")
    with pytest.raises(
        DataError, match=r"official test set .*'test' is lost \(links tha"
    ):
        listing(tmp_path)
    assert len(names(tmp_path, exclude="/test")) == 2
    (tmp_path / "test").unlink()
    (tmp_path / "testing.dvc").write_text("outs:")
    with pytest.raises(DataError, match=r"'testing' is lost \(DVC pointers\)"):
        listing(tmp_path)
    (tmp_path / "testing.dvc").unlink()
    (tmp_path / "test").mkdir()
    with pytest.raises(DataError, match="'test' holds no image; restore it"):
        listing(tmp_path)
    (tmp_path / "test" / "cat").mkdir()
    with pytest.raises(DataError, match="'test' holds no image; restore it"):
        listing(tmp_path)


def test_a_class_folder_that_is_gone_is_refused(tmp_path):
    two_classes(tmp_path)
    (tmp_path / "owl").symlink_to("/mnt/gone/owl")
    (tmp_path / "cat" / "indoor").mkdir()
    (tmp_path / "cat" / "a.jpg").rename(tmp_path / "cat" / "indoor" / "a.jpg")
    with pytest.raises(DataError, match=r"owl' holds no image: it is lost"):
        listing(tmp_path)
    assert len(names(tmp_path, exclude="owl")) == 2
    # what is left is no reason to take one class's folders for classes
    (tmp_path / "dog" / "b.jpg").unlink()
    (tmp_path / "dog").rmdir()
    write(tmp_path, **{"cat/outdoor/c.jpg": b"z"})
    with pytest.raises(DataError, match=r"owl' holds no image: it is lost"):
        listing(tmp_path)


def test_all_that_is_lost_is_said_with_the_cure(tmp_path):
    for place in ("train", "test"):
        write(tmp_path / place, **{"cat/a.jpg": LFS, "dog/b.jpg": LFS})
    with pytest.raises(
        DataError, match=r"all are lost .4 Git LFS .*; run 'git lfs pull'"
    ):
        listing(tmp_path)
    write(tmp_path / "train", **{"cat/a.jpg": jpeg(0), "dog/b.jpg": jpeg(1)})
    (tmp_path / "val").mkdir()
    with pytest.raises(DataError) as error:
        listing(tmp_path)
    assert (
        "'test' holds no image (2 Git LFS pointers) (and see 'val'); run 'git lfs"
        in (str(error.value))
    )
    assert "--exclude '/test' --exclude '/val'" in str(error.value)
    with pytest.raises(DataError, match=r"Expected a folder after .* is a file"):
        listing(tmp_path / "train" / "cat" / "a.jpg")
