"""Tables of images: text, workbooks and Parquet files."""

import datetime
import io
import json
import zipfile
from pathlib import Path

from fuzzing import samples, structures
from fuzzing.target import Target

_ROWS = (
    ("path", "label", "split", "group"),
    ("a/0.png", "ant", "train", "g1"),
    ("a/1.png", "ant", "test", "g2"),
    ("b/0.png", "bee", "train", "g3"),
    ("b/1.png", "bee", "", "g4"),
    ("c/0.png", "käfer", "val", ""),
)


def _text(mark: str) -> str:
    return "".join(mark.join(row) + "\n" for row in _ROWS)


def _texts(folder: Path) -> list[Path]:
    samples.folder_of_images(folder)
    marks = "path,ant,bee\na/0.png,1,0\nb/0.png,0,1\nb/1.png,0,1\n"
    return samples.write(
        folder,
        {
            "comma.csv": _text(",").encode(),
            "semicolon.csv": b"\xef\xbb\xbfsep=;\r\n" + _text(";").encode(),
            "tab.tsv": _text("\t").encode("utf-16"),
            "latin.csv": _text(",").encode("cp1252"),
            "marks.csv": marks.encode(),
            "quoted.csv": b'"path","label"\n"a/0.png","an, ant"\n"b/0.png","bee"\n',
            "list.txt": b"a/0.png 0\na/1.png 0\nb/0.png 1\nc/0.png 2\n",
        },
    )


def _workbook(folder: Path) -> list[Path]:
    import openpyxl

    samples.folder_of_images(folder)
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in _ROWS:
        sheet.append(row)
    book.create_sheet("another").append(["x"])
    book.properties.created = book.properties.modified = datetime.datetime(2020, 1, 1)
    out = io.BytesIO()
    book.save(out)
    with zipfile.ZipFile(out) as archive:  # again, for its times
        parts = {name: archive.read(name) for name in archive.namelist()}
    return samples.write(folder, {"table.xlsx": samples.zip_of(parts)})


def _read_table(path: Path) -> object:
    from kerastransfer.datasets.own import csv_file

    listing = csv_file.dataset(str(path)).listing()
    return [listing.classes, [tuple(item) for item in listing.items]]


def _parquets(folder: Path) -> list[Path]:
    import pyarrow
    import pyarrow.parquet

    names = {"_type": "ClassLabel", "names": ["ant", "bee"]}
    info = {"info": {"features": {"image": {"_type": "Image"}, "label": names}}}
    images = [{"bytes": samples.image(n, "PNG"), "path": f"{n}.png"} for n in range(12)]
    plain = pyarrow.table(
        {
            "image": [each["bytes"] for each in images],
            "label": ["ant", "bee"] * 6,
            "group": [f"g{n // 2}" for n in range(12)],
        }
    )
    face = pyarrow.table({"image": images, "label": [0, 1] * 6})
    face = face.replace_schema_metadata({"huggingface": json.dumps(info)})
    paths = []
    options = (
        ("plain", plain, "none"),
        ("face", face, "snappy"),
        ("all", face, "zstd"),
    )
    for name, table, compression in options:
        path = folder / f"{name}.parquet"
        pyarrow.parquet.write_table(table, path, compression=compression)
        paths.append(path)
    return paths


def _read_parquet(path: Path) -> object:
    from kerastransfer.datasets.own import parquet_set

    dataset = parquet_set.dataset(str(path))
    listing = dataset.listing()
    items = [tuple(item) for item in listing.items]
    files = dataset.source.image_files([item.path for item in listing.items])
    images = [(file.images, file.content.read()) for file in files]
    about = dataset.source.described(dataset.info)
    return [listing.classes, items, images, about.description]


TARGETS = (
    Target(
        name="table",
        prepare=_texts,
        read=_read_table,
        modules=("kerastransfer.datasets.own.csv_file",),
    ),
    Target(
        name="workbook",
        prepare=_workbook,
        read=_read_table,
        mutators=(structures.ZIP,),
        checked=True,
        modules=("kerastransfer.datasets.own.csv_file", "openpyxl"),
    ),
    Target(
        name="parquet",
        prepare=_parquets,
        read=_read_parquet,
        modules=("kerastransfer.datasets.own.parquet_set",),
    ),
)
