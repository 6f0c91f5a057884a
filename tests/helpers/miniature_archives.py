"""The seven datasets' archives in miniature, with every quirk of the real ones.

Layouts and quirks as published archives have them; each function writes into a folder
and returns what a conversion must find there.
"""

import dataclasses
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import scipy.io

from helpers import pictures
from kerastransfer.datasets.known import imagenet_halves


@dataclasses.dataclass
class Mini:
    """What an archive holds.

    labels: class name by path; splits: official ones by path; rejected: paths that
    cannot be decoded; ignored: what is passed over and counted; options: what
    conversion needs for so few images.
    """

    name: str
    folder: Path
    labels: dict[str, str] = dataclasses.field(default_factory=dict)
    splits: dict[str, str] = dataclasses.field(default_factory=dict)
    rejected: set[str] = dataclasses.field(default_factory=set)
    ignored: dict[str, int] = dataclasses.field(default_factory=dict)
    options: dict = dataclasses.field(default_factory=dict)


def write_tar(path, files, mode="w", folders=()):
    """Write members in the order given; `files` maps names to bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:
        for name in folders:
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def write_zip(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def caltech256(folder, order=None):
    mini = Mini("caltech256", folder, options={"max_per_class": 2})
    files = {}
    sizes = {"001.ak47": 30, "056.dog": 33, "198.spider": 31, "251.airplanes-101": 40}
    names = {"251.airplanes-101": "airplanes"}
    for directory, size in sizes.items():
        for i in range(1, size + 1):
            path = f"{directory}/{directory[:3]}_{i:04d}.jpg"
            make = pictures.gray_jpeg if i == 7 else pictures.jpeg
            files[path] = make(1000 * int(directory[:3]) + i)
            mini.labels[path] = names.get(directory, directory[4:])
    for i in range(1, 6):
        files[f"257.clutter/257_{i:04d}.jpg"] = pictures.jpeg(i)
    files["198.spider/RENAME2"] = b"a note\n"
    files["001.ak47/056_0001.jpg"] = pictures.jpeg(9)  # of another folder
    mini.ignored = {"clutter": 5, "other files": 2}
    folders = ("056.dog/greg/", "056.dog/greg/vision309/")
    root = "256_ObjectCategories"
    write_tar(
        folder / "256_ObjectCategories.tar",
        {f"{root}/{path}": data for path, data in _ordered(files, order).items()},
        folders=[f"{root}/{path}" for path in folders],
    )
    return mini


def sun397(folder, order=None, partitions=None):
    """With lists of two partitions where a level of theirs is given, such as ''."""
    mini = Mini("sun397", folder, options={"max_per_class": 2})
    odd = {
        3: pictures.bmp,
        5: lambda seed: pictures.png(seed, "L"),
        8: lambda seed: pictures.png(seed, "RGBA"),
        9: pictures.interlaced_png,
        12: pictures.gif,
    }
    files = {}
    classes = ("a/abbey", "c/church/outdoor", "c/church/indoor", "t/track/outdoor")
    for number, directory in enumerate(classes):
        for i in range(34):
            letters = "".join(
                chr(97 + (i * 7 + k * k + number) % 26) for k in range(14)
            )
            path = f"{directory}/sun_{letters}{chr(97 + i // 26)}{chr(97 + i % 26)}.jpg"
            files[path] = odd.get(i, pictures.jpeg)(100 * number + i)
            mini.labels[path] = f"/{directory}"
    # Known of the real archive: two files that decode badly.
    for path in (
        "c/church/outdoor/sun_bhenjvsvrtumjuri.jpg",
        "t/track/outdoor/sun_aophkoiosslinihb.jpg",
    ):
        files[path] = pictures.jpeg(1)[:200]
        mini.labels[path] = f"/{path.rpartition('/')[0]}"
        mini.rejected.add(path)
    if partitions is not None:
        _write_partitions(folder, mini, classes, partitions)
    files["ClassName.txt"] = "".join(f"/{name}\n" for name in classes).encode()
    files["a/abbey/.DS_Store"] = b"\0"
    mini.ignored = {"other files": 2}
    write_tar(
        folder / "SUN397.tar.gz",
        {f"SUN397/{path}": data for path, data in _ordered(files, order).items()},
        "w:gz",
    )
    return mini


def _write_partitions(folder, mini, classes, level):
    """Write Partitions.zip; the first partition becomes the miniature's split."""
    files = {f"{level}ClassName.txt": "".join(f"/{name}\n" for name in classes)}
    for number in (1, 2):
        lists = {"Training": [], "Testing": []}
        for directory in classes:
            paths = sorted(p for p in mini.labels if p.startswith(f"{directory}/"))
            paths = [path for path in paths if path not in mini.rejected][number:]
            lists["Training"] += paths[:12]
            lists["Testing"] += paths[12:20]
        lists["Testing"].append("a/abbey/sun_gone.jpg")
        for name, paths in lists.items():
            text = "".join(f"/{path}\n" for path in paths)
            files[f"{level}{name}_{number:02d}.txt"] = text
            if number == 1:
                split = "train" if name == "Training" else "test"
                mini.splits |= dict.fromkeys(paths, split)
    del mini.splits["a/abbey/sun_gone.jpg"]
    write_zip(folder / "Partitions.zip", files)


def mit_indoor(folder, order=None):
    mini = Mini("mit_indoor", folder, options={"max_per_class": 3})
    files = {}
    sizes = {"bar": (9, 3), "concert_hall": (8, 4), "laundromat": (10, 5)}
    odd = {
        "bar/cafe_gif.jpg": pictures.gif,
        "concert_hall/Concert Hall.jpg": pictures.jpeg,
        "laundromat/Laundry_Room_bmp.jpg": lambda seed: pictures.bmp(seed, "P"),
        "laundromat/laundry room_30_06_altavista.jpg": pictures.bmp,
    }
    for number, (name, (train, test)) in enumerate(sizes.items()):
        paths = [path for path in odd if path.startswith(f"{name}/")]
        paths += [f"{name}/int{i:03d}.jpg" for i in range(train + test - len(paths))]
        for i, path in enumerate(paths):
            files[path] = odd.get(path, pictures.jpeg)(100 * number + i)
            mini.labels[path] = name
            mini.splits[path] = "train" if i < train else "test"
    for path in ("bar/bar_0075.jpg", "laundromat/Waiting Room.JPG"):
        files[path] = pictures.jpeg(7)  # in neither list
    mini.ignored = {"images in neither list": 2, "listed images that are missing": 1}
    write_tar(
        folder / "indoorCVPR_09.tar",
        {f"Images/{path}": data for path, data in _ordered(files, order).items()},
    )
    for split in ("train", "test"):
        listed = [path for path, s in mini.splits.items() if s == split]
        listed += ["bar/gone.jpg"] if split == "train" else []
        # No newline at the end, as published.
        (folder / f"{split.title()}Images.txt").write_text("\n".join(listed))
    return mini


def cub200(folder, order=None):
    mini = Mini("cub200", folder, options={"max_per_class": 5})
    images, rows, truth = {}, [], []
    species = (
        ("001.Black_footed_Albatross", "Black_Footed_Albatross"),
        ("002.Laysan_Albatross", "Laysan_Albatross"),
        ("003.Sooty_Albatross", "Sooty_Albatross"),
    )
    for number, (directory, stem) in enumerate(species, start=1):
        for i in range(12 + number):
            path = f"{directory}/{stem}_{i:04d}_{1000 * number + i}.jpg"
            make = pictures.gray_jpeg if (number, i) == (2, 4) else pictures.jpeg
            images[path] = make(100 * number + i)
            rows.append(f"{len(rows) + 1} {path}")
            truth.append(f"{len(truth) + 1} {number}")
            mini.labels[path] = directory
    texts = {
        "README": "CUB",
        "images.txt": "\n".join(rows) + "\n",
        "image_class_labels.txt": "\n".join(truth) + "\n",
        "classes.txt": "".join(f"{n} {d}\n" for n, (d, _) in enumerate(species, 1)),
        "train_test_split.txt": "".join(f"{i} {i % 2}\n" for i in range(1, 43)),
        "bounding_boxes.txt": "".join(f"{i} 1.0 2.0 3.0 4.0\n" for i in range(1, 43)),
    }
    files = {f"CUB_200_2011/images/{path}": data for path, data in images.items()}
    files |= {f"CUB_200_2011/{name}": text.encode() for name, text in texts.items()}
    files["attributes.txt"] = b"1 has_bill_shape::curved\n"
    files["CUB_200_2011/._images.txt"] = b"\0\x05\x16\x07AppleDouble"
    files["CUB_200_2011/images/001.Black_footed_Albatross/._x.jpg"] = b"\0\x05\x16\x07"
    mini.ignored = {"other files": 6}
    write_tar(folder / "CUB_200_2011.tgz", _ordered(files, order), "w:gz")
    return mini


CORAL_WORDS = {
    "CCA": "CCA",
    "Turf": "Turf",
    "Macro": "Macroalgae",
    "Sand": "Sand",
    "Acrop": "Acropora",
    "Pavon": "Pavona",
    "Monti": "Montipora",
    "Pocill": "Pocillopora",
    "Porit": "Porites",
}
CORAL_DAYS = {2008: "20120521", 2009: "20120523", 2010: "20120521"}
CORAL_SHAPE = (90, 120)  # of a photograph, in pixels


def coral_in_bulk(folder):
    """Twelve sound photographs of four quadrats, with 60 points of every class."""
    rng = np.random.default_rng(0)
    for year in CORAL_DAYS:
        files = {}
        for quadrat in range(1, 5):
            stem = f"mcr_lter1_fringingreef_pole1-2_qu{quadrat}_{year}0415"
            files[f"{year}/{stem}.jpg"] = pictures.jpeg(10 * year + quadrat)
            rows = [
                f"{rng.integers(pictures.SIDE)}; {rng.integers(pictures.SIDE)}; {word}"
                for word in CORAL_WORDS
                for _ in range(60)
            ]
            files[f"{year}/{stem}.jpg.txt"] = "\n".join(rows).encode()
        write_zip(folder / _coral_zip(year), files)


def coral(folder, order=None):
    """Three years of the same quadrats; 2010 mixes kinds and holds damaged images."""
    options = {"max_per_class": 6, "short_classes": "cap"}
    mini = Mini("coral", folder, options=options)
    rng = np.random.default_rng(0)
    files = {2008: {}, 2009: {}, 2010: {}}
    for year, held in files.items():
        for quadrat in range(1, 5):
            photograph, data = _photograph(year, quadrat)
            held[photograph] = data
            if (year, quadrat) == (2009, 4):
                continue  # lost its annotation
            held[f"{photograph}.txt"], points = _annotation(rng, year, quadrat)
            labels = {
                f"{photograph}/{number:03d}_{row:04d}_{column:04d}": CORAL_WORDS[word]
                for number, (row, column, word) in enumerate(points)
                if word in CORAL_WORDS
            }
            mini.labels |= labels
            mini.rejected |= labels.keys() if year == 2010 and quadrat >= 3 else set()
    files[2008]["knb-lter-mcr.5006.3.txt"] = b"about\n"
    mini.ignored = {
        "photographs without points": 1,
        "points of other labels: off": 11,
        "points of other labels: p. rus": 11,
        "other files": 1,
    }
    for year, held in files.items():
        write_zip(folder / _coral_zip(year), _ordered(held, order))
    return mini


def _coral_zip(year):
    return f"MCR_LTER_ComputerVision_LabeledCorals_{year}_{CORAL_DAYS[year]}.zip"


def _photograph(year, quadrat):
    """A name and a file; two of 2010 are damaged as real ones are."""
    stem = f"mcr_lter1_fringingreef_pole1-2_qu{quadrat}_{year}0415"
    suffix = "png" if year == 2010 and quadrat != 2 else "jpg"
    make = pictures.png if suffix == "png" else pictures.jpeg
    size = dict(zip(("height", "width"), CORAL_SHAPE, strict=True))
    data = make(10 * year + quadrat, **size)
    if year == 2010 and quadrat >= 3:
        data = b"" if quadrat == 3 else data[: len(data) // 2]
    return f"{year}/{stem}.{suffix}", data


def _annotation(rng, year, quadrat):
    """Points of every class, two of others, some on the border; case varies."""
    height, width = CORAL_SHAPE
    points = [
        (int(rng.integers(height)), int(rng.integers(width)), word)
        for word in CORAL_WORDS
        for _ in range(4)
    ]
    points += [(0, 0, "CCA"), (height - 1, width - 1, "Sand"), (0, width - 1, "Turf")]
    points += [(5, 6, "Off"), (7, 8, "P. Rus")]
    upper = year == 2009
    lines = ["# Row; Col; Label"]
    lines += [f"{r}; {c}; {w.upper() if upper else w}" for r, c, w in points]
    end = "\r\n" if (year, quadrat) == (2008, 2) else "\n"
    return end.join(lines).encode() + end.encode(), points


def plankton(folder, order=None):
    mini = Mini("plankton", folder, options={"max_per_class": 5})
    sizes = {
        2006: {"Akashiwo": 1, "Ceratium": 14, "detritus": 20, "mix": 12},
        2007: {"Ceratium": 11, "detritus": 15, "mix": 18},
    }
    for year, classes in sizes.items():
        files = {}
        # 2007 was zipped without the level of the year.
        level = f"{year}/" if year == 2006 else ""
        for number, (name, size) in enumerate(classes.items()):
            for i in range(size):
                sample = f"IFCB1_{year}_270_{170000 + i // 3:06d}"
                file = f"{sample}_{1000 * number + i:05d}.png"
                shape = {0: (1, 60), 1: (30, 600)}.get(i, (24 + i, 50))
                data = pictures.png(
                    year + 50 * number + i, "L", height=shape[0], width=shape[1]
                )
                files[f"{level}{name}/{file}"] = data
                mini.labels[f"{name}/{file}"] = name
        files[f"{level}Thumbs.db"] = b"\0"
        files[f"{level}unheard_of/IFCB1_{year}_270_170000_99999.png"] = pictures.png(1)
        write_zip(folder / f"{year}.zip", _ordered(files, order))
    mini.ignored = {"other files": 2, "images in unknown folder unheard_of": 2}
    return mini


def plankton_in_bulk(folder):
    """Many small classes, scattered over few samples beside two large ones.

    Each in nearly all its images would be test or val; of some there are two images, or
    one sample.
    """
    rng = np.random.default_rng(0)
    sizes = {"detritus": 700, "mix": 690, "Karenia": 4, "Akashiwo": 2}
    small = ("Ceratium", "Dinobryon", "Ditylum", "Eucampia", "Euglena", "Gyrodinium")
    sizes |= {name: 6 + 5 * i for i, name in enumerate(small)}
    mini = Mini("plankton", folder, options={"max_per_class": 5})
    dots = [pictures.png(i, "L", height=9, width=12) for i in range(50)]
    files = {}
    for number, (name, size) in enumerate(sizes.items()):
        for i in range(size):
            sample = 3 if name == "Akashiwo" else int(rng.integers(20))
            roi = 1000 * number + i
            path = f"{name}/IFCB1_2006_270_{170000 + sample:06d}_{roi:05d}.png"
            files[f"2006/{path}"] = dots[roi % len(dots)]
            mini.labels[path] = name
    write_zip(folder / "2006.zip", files)
    return mini


WNIDS = {  # of half 0B; and two of 0A, which must not be looked into
    "target": tuple(
        imagenet_halves.wnids()[i] for i in imagenet_halves.half(0, "b")[:3]
    ),
    "other": tuple(
        imagenet_halves.wnids()[i] for i in imagenet_halves.half(0, "a")[:2]
    ),
}


def yosinski(folder, order=None, labels="val.txt"):
    mini = Mini("yosinski", folder, options={"max_per_class": 2})
    inner = {}
    for number, wnid in enumerate((*WNIDS["target"][::-1], *WNIDS["other"])):
        files = {}
        for i in range(24):
            make = {3: pictures.cmyk_jpeg, 5: pictures.png, 6: pictures.turned_jpeg}
            name = f"{wnid}_{17 * i + number}.JPEG"
            files[name] = make.get(i, pictures.jpeg)(100 * number + i)
            if wnid in WNIDS["target"]:
                mini.labels[f"{wnid}/{name}"] = wnid
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as tar:
            for name, data in _ordered(files, order).items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))
        inner[f"{wnid}.tar"] = buffer.getvalue()
    write_tar(folder / "ILSVRC2012_img_train.tar", _ordered(inner, order))
    wnids = (*WNIDS["target"], *WNIDS["other"])
    truth = [wnids[i % len(wnids)] for i in range(40)]
    names = [f"ILSVRC2012_val_{i:08d}.JPEG" for i in range(1, 41)]
    for name, wnid in zip(names, truth, strict=True):
        if wnid in WNIDS["target"]:
            mini.labels[f"val/{name}"] = wnid
            mini.splits[f"val/{name}"] = "test"
    shuffled = np.random.default_rng(1).permutation(40)
    write_tar(
        folder / "ILSVRC2012_img_val.tar",
        {names[i]: pictures.jpeg(5000 + i) for i in shuffled},
    )
    mini.ignored = {"validation images of other classes": 16, "other files": 2}
    if labels == "val.txt":
        rows = (
            f"{name} {imagenet_halves.wnids().index(wnid)}"
            for name, wnid in zip(names, truth, strict=True)
        )
        (folder / "val.txt").write_text("\n".join(rows) + "\n")
    else:
        _write_kit(folder, truth)
    return mini


def _write_kit(folder, truth):
    """The development kit: numbers in an order of its own, told by meta.mat."""
    ids = {wnid: 900 - i for i, wnid in enumerate(sorted(set(truth)))}
    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("num_children", "O")]
    rows = [(number, wnid, 0) for wnid, number in ids.items()]
    rows.append((1001, "n00001740", 5))  # a synset that is no class
    meta = io.BytesIO()
    scipy.io.savemat(meta, {"synsets": np.array(rows, dtype=kind)[:, np.newaxis]})
    text = "".join(f"{ids[wnid]}\n" for wnid in truth)
    root = "ILSVRC2012_devkit_t12"
    write_tar(
        folder / "ILSVRC2012_devkit_t12.tar.gz",
        {
            f"{root}/readme.txt": b"kit",
            f"{root}/data/meta.mat": meta.getvalue(),
            f"{root}/data/ILSVRC2012_validation_ground_truth.txt": text.encode(),
        },
        "w:gz",
    )


def _ordered(files, order):
    """Return members in another order, drawn by a seed."""
    if order is None:
        return files
    names = list(files)
    shuffled = np.random.default_rng(order).permutation(len(names))
    return {names[i]: files[names[i]] for i in shuffled}


MINIATURES = {
    make.__name__: make
    for make in (caltech256, sun397, mit_indoor, cub200, coral, plankton, yosinski)
}


def unpack(source, target):
    """Unpack every archive of a folder, as a user would; lists are copied."""
    for path in sorted(source.iterdir()):
        if path.name.endswith(".zip"):
            named = path.name.startswith("MCR")
            place = target / (path.stem if named else f"{path.stem}")
            with zipfile.ZipFile(path) as archive:
                flat = not any(
                    n.startswith(f"{path.stem}/") for n in archive.namelist()
                )
                archive.extractall(place if named or flat else target)
        elif path.name.endswith((".tar", ".tgz", ".gz")):
            _untar(path, target)
        else:
            (target / path.name).write_bytes(path.read_bytes())
    return target


def _untar(path, target):
    stem = path.name.split(".")[0]
    flat = stem.startswith("ILSVRC2012_img")
    place = target / stem if flat else target
    with tarfile.open(path) as tar:
        tar.extractall(place, filter="data")
    for inner in sorted(place.glob("n*.tar")):
        with tarfile.open(inner) as tar:
            tar.extractall(place / inner.stem, filter="data")
        inner.unlink()
