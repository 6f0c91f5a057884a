"""``kerastransfer weights``: list, fetch, verify and port published weights."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.published import PublishedWeights
from kerastransfer.errors import InputError, WeightsError
from kerastransfer.foundation import checksums
from kerastransfer.foundation.download import download
from kerastransfer.foundation.progress import DownloadLines
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.weights import convert_file, reference_prediction, store, table
from kerastransfer.weights.readers.guard import check_file
from kerastransfer.weights.table import WEIGHTS

HELP = "list, fetch, verify and port pretrained weights"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = verbs.add_parser(
        "list", help="the weights there are, and which are at hand", allow_abbrev=False
    )
    fetch = verbs.add_parser(
        "fetch", help="download published weights and verify them", allow_abbrev=False
    )
    fetch.add_argument("name", metavar="NAME", help="as 'weights list' shows it")
    verify = verbs.add_parser(
        "verify", help="check a file's hash and that it fits", allow_abbrev=False
    )
    verify.add_argument("what", metavar="NAME_OR_FILE")
    verify.add_argument("--backbone", metavar="B", help="needed for a file")
    verify.add_argument(
        "--image",
        type=Path,
        metavar="FILE",
        help="the photograph that caffenet's published answers are for (cat.jpg)",
    )
    port = verbs.add_parser(
        "port", help="convert a weight file to a plain .npz", allow_abbrev=False
    )
    port.add_argument("source", type=Path, metavar="SOURCE")
    port.add_argument("--backbone", required=True, metavar="B", help="its network")
    port.add_argument("--out", required=True, type=Path, metavar="FILE")
    for verb in (listing, fetch, verify, port):
        verb.add_argument("--json", action="store_true", help="print JSON")


def execute(args: argparse.Namespace) -> int:
    """Carry out the verb."""
    return _VERBS[args.verb](args)


def _list(args: argparse.Namespace) -> int:
    if args.json:
        print(json.dumps([_as_dict(row) for row in WEIGHTS.values()], indent=2))
        return 0
    for row in WEIGHTS.values():
        top1 = "" if row.top1 is None else f"top-1 {row.top1:.1%}"
        size = "" if row.size is None else f"{row.size / 1e6:.1f} MB"
        held = "at hand" if store.at_hand(row) else "not at hand"
        print("\t".join((row.name, row.backbone, held, size, top1, row.licence)))
    return 0


def _as_dict(row: PublishedWeights) -> dict[str, Any]:
    path = store.place(row)
    fields = dataclasses.asdict(row)
    del fields["prediction"]  # printed by `verify`, which compares with it
    return {
        **fields,
        "at_hand": store.at_hand(row),
        "path": None if path is None else str(path),
    }


def _fetch(args: argparse.Namespace) -> int:
    row = table.get(args.name)
    if not row.checksums:
        raise WeightsError(
            f"No hash of {row.name!r} is published, so a download cannot be verified; "
            f"get {row.urls[0]} yourself and name the file with --weights FILE."
        )
    path = store.place(row)
    if row.package or path is None:
        path = store.published_file(row)
    elif not path.is_file() or checksums.mismatch(path, row.size, row.checksums):
        download(
            row.urls,
            path,
            size=row.size,
            checksums=row.checksums,
            progress=DownloadLines(),
            otherwise="name it with --weights FILE",
        )
    return _verified(row, path, json_wanted=args.json)


def _verify(args: argparse.Namespace) -> int:
    if args.what in WEIGHTS:
        row = WEIGHTS[args.what]
        path = store.published_file(row)
        return _verified(row, path, json_wanted=args.json, image=args.image)
    if args.image:
        raise InputError("--image goes with the name of published weights.")
    path = Path(args.what)
    check_file(path)
    rows = (
        table.of_backbone(args.backbone) if args.backbone else tuple(WEIGHTS.values())
    )
    found = store.published(path, rows)
    backbone = args.backbone or (found.backbone if found else None)
    if backbone is None:
        raise InputError(
            f"{str(path)!r} is none of the published weights; say which network it "
            "belongs to with --backbone B."
        )
    loaded = store.load(backbone, path)
    return _report(found.name if found else None, backbone, loaded, args.json)


def _verified(
    row: PublishedWeights, path: Path, *, json_wanted: bool, image: Path | None = None
) -> int:
    """Load a published file, which checks its hash and every shape, and say so."""
    wrong = checksums.mismatch(path, row.size, row.checksums)
    if wrong:
        raise WeightsError(f"{str(path)!r} is not the published {row.name!r}: {wrong}.")
    loaded = store.load(row.backbone, path)
    answers = _answers(row, loaded, image)
    return _report(row.name, row.backbone, loaded, json_wanted, answers)


def _answers(
    row: PublishedWeights, loaded: store.LoadedWeights, image: Path | None
) -> list[str]:
    """Ask the weights for their published answers, where there are any."""
    reference = row.prediction
    if reference is None:
        if image:
            raise InputError(
                f"No answers of {row.name!r} are published; leave --image."
            )
        return []
    photograph = reference_prediction.read_photograph(reference, image)
    if photograph is None:
        print(
            f"The published answers were not asked for: get {reference.image_url} and "
            "name it with 'weights verify --image FILE'.",
            file=sys.stderr,
        )
        return []
    import_quietly()
    backbone = backbones.get(row.backbone)
    predicted = reference_prediction.predict(
        backbone, loaded.mapping, reference, photograph
    )
    return reference_prediction.compare(reference, predicted)


def _report(
    name: str | None,
    backbone: str,
    loaded: store.LoadedWeights,
    json_wanted: bool,
    answers: list[str] | None = None,
) -> int:
    report = {
        "name": name,
        "backbone": backbone,
        "path": str(loaded.path),
        "sha256": loaded.sha256,
        "published": name is not None,
        "arrays": len(loaded.mapping),
        "answers": answers or [],
    }
    if json_wanted:
        print(json.dumps(report, indent=2))
    else:
        what = f"the published {name}" if name else "not a published file"
        print(f"{loaded.path}\t{what}, fits {backbone}\tsha256 {loaded.sha256}")
        print("".join(f"{line}\n" for line in answers or ()), end="")
    return 0


def _port(args: argparse.Namespace) -> int:
    report = convert_file.convert(args.source, args.backbone, args.out)
    if args.json:
        print(json.dumps(report, indent=2))
    else:
        print(
            f"{report['out']}\t{report['arrays']} arrays, {report['numbers']:,} numbers"
        )
    return 0


_VERBS = {"list": _list, "fetch": _fetch, "verify": _verify, "port": _port}
