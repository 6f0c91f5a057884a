"""``kerastransfer weights``: list, fetch, verify and port published weights."""

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerastransfer.backbones import table as backbones
from kerastransfer.backbones.published import PublishedWeights
from kerastransfer.cli import options, streams
from kerastransfer.cli.options import add_verb
from kerastransfer.errors import InputError, WeightsError
from kerastransfer.foundation import checksums
from kerastransfer.foundation.quoting import quoted
from kerastransfer.foundation.report import say
from kerastransfer.foundation.tensorflow_import import import_quietly
from kerastransfer.weights import (
    convert_file,
    places,
    reference_prediction,
    store,
    table,
)
from kerastransfer.weights.readers.guard import check_file
from kerastransfer.weights.table import WEIGHTS

EXAMPLES = (
    "kerastransfer weights fetch alexnet",
    "kerastransfer weights port model.npz --backbone caffenet --out caffenet.npz",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = add_verb(verbs, "list", "list the published weights")
    fetch = options.add_verb(
        verbs, "fetch", "download published weights and verify them"
    )
    fetch["weights"].add_argument(
        "name", metavar="NAME", help="Name of published weights, as 'list' prints it"
    )
    verify = options.add_verb(
        verbs, "verify", "check a file's hash and that it fits its network"
    )
    verify["weights"].add_argument(
        "weights",
        metavar="NAME_OR_FILE",
        help="Name of published weights, or a weight file",
    )
    verify["weights"].add_argument(
        "--backbone",
        metavar="B",
        help="Network that the file belongs to; needed unless it is a published file",
    )
    verify["weights"].add_argument(
        "--image",
        type=Path,
        metavar="FILE",
        help="Photograph (cat.jpg) for which CaffeNet's predictions are published; the "
        "weights must predict the same (default: the file in "
        "$KERASTRANSFER_HOME/weights, where there is one)",
    )
    port = add_verb(verbs, "port", "convert a weight file to a plain .npz")
    port["weights"].add_argument(
        "source",
        type=Path,
        metavar="SOURCE",
        help="Weight file: .caffemodel, .caffemodel.h5, .pth, .safetensors, .npy, .npz "
        "or .weights.h5; checkpoints of training scripts too",
    )
    port["weights"].add_argument(
        "--backbone",
        required=True,
        metavar="B",
        help="Network that the file belongs to, as 'kerastransfer backbones list' "
        "names them",
    )
    port["output"].add_argument(
        "--out", required=True, type=Path, metavar="FILE", help="The .npz file to write"
    )
    for headings in (listing, fetch, verify, port):
        options.add_json(headings["output"])


def execute(args: argparse.Namespace) -> int:
    """Carry out the verb."""
    return _VERBS[args.verb](args)


def _list(args: argparse.Namespace) -> int:
    if args.json:
        streams.show(json.dumps([_as_dict(row) for row in WEIGHTS.values()], indent=2))
        return 0
    for row in WEIGHTS.values():
        top1 = "" if row.top1 is None else f"top-1 {row.top1:.1%}"
        size = "" if row.size is None else f"{row.size / 1e6:.1f} MB"
        held = "at hand" if places.at_hand(row) else "not at hand"
        streams.show("\t".join((row.name, row.backbone, held, size, top1, row.licence)))
    return 0


def _as_dict(row: PublishedWeights) -> dict[str, Any]:
    path = places.expected_path(row)
    fields = dataclasses.asdict(row)
    del fields["prediction"]  # printed by `verify`, which compares with it
    return {
        **fields,
        "at_hand": places.at_hand(row),
        "path": None if path is None else str(path),
    }


def _fetch(args: argparse.Namespace) -> int:
    row = table.get(args.name)
    if not row.checksums and not row.of_keras:
        raise WeightsError(
            f"No hash of {quoted(row.name)} is published, so a download cannot be "
            f"verified; get {row.urls[0]} yourself and name the file with --weights "
            "FILE."
        )
    path = places.expected_path(row)
    if row.package or path is None:
        path = store.published_file(row)
    elif not path.is_file() or checksums.mismatch(path, row.size, row.checksums):
        places.fetch(row)
    return _verified(row, path, as_json=args.json)


def _verify(args: argparse.Namespace) -> int:
    if args.weights in WEIGHTS:
        published = WEIGHTS[args.weights]
        return _verified(
            published,
            store.published_file(published),
            as_json=args.json,
            image=args.image,
        )
    if args.image:
        raise InputError("--image goes with the name of published weights.")
    path = Path(args.weights)
    check_file(path)
    rows = (
        table.of_backbone(args.backbone) if args.backbone else tuple(WEIGHTS.values())
    )
    row = store.find_published(path, rows)
    backbone = args.backbone or (row.backbone if row else None)
    if backbone is None:
        raise InputError(
            f"{quoted(path)} is none of the published weights; say which network it "
            "belongs to with --backbone B."
        )
    loaded = store.load(backbone, path)
    return _report(row.name if row else None, backbone, loaded, args.json)


def _verified(
    row: PublishedWeights, path: Path, *, as_json: bool, image: Path | None = None
) -> int:
    """Check the hash and every shape of a published file, and report it."""
    difference = checksums.mismatch(path, row.size, row.checksums)
    if difference:
        raise WeightsError(
            f"{quoted(path)} is not the published {quoted(row.name)}: {difference}."
        )
    loaded = store.load(row.backbone, path)
    answers = _answers(row, loaded, image)
    return _report(row.name, row.backbone, loaded, as_json, answers)


def _answers(
    row: PublishedWeights, loaded: store.LoadedWeights, image: Path | None
) -> list[str]:
    """Compare with the published prediction, where there is one."""
    reference = row.prediction
    if reference is None:
        if image:
            raise InputError(
                f"No answers of {quoted(row.name)} are published; leave --image."
            )
        return []
    photograph = reference_prediction.read_photograph(reference, image)
    if photograph is None:
        say(
            f"The published answers were not asked for: get {reference.image_url} and "
            "name it with 'weights verify --image FILE'."
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
    as_json: bool,
    answers: list[str] | None = None,
) -> int:
    report = {
        "name": name,
        "backbone": backbone,
        "path": str(loaded.path),
        "sha256": loaded.sha256,
        "published": name is not None,
        "arrays": len(loaded.mapping),
        "source_classes": loaded.source_classes,
        "class_names": list(loaded.class_names),
        "remarks": list(loaded.remarks),
        "answers": answers or [],
    }
    if as_json:
        streams.show(json.dumps(report, indent=2))
    else:
        kind = f"the published {name}" if name else "not a published file"
        streams.show(f"{loaded.path}\t{kind}, fits {backbone}\tsha256 {loaded.sha256}")
        _print_remarks(loaded.remarks)
        for line in answers or ():
            streams.show(line)
    return 0


def _port(args: argparse.Namespace) -> int:
    report = convert_file.convert(args.source, args.backbone, args.out)
    if args.json:
        streams.show(json.dumps(report, indent=2))
    else:
        streams.show(
            f"{report['out']}\t{report['arrays']} arrays, {report['numbers']:,} numbers"
        )
        _print_remarks(report["remarks"])
    return 0


def _print_remarks(remarks: Sequence[str]) -> None:
    """Print what was taken from a file, and what was left out."""
    for remark in remarks:
        streams.show(f"{remark[:1].upper()}{remark[1:]}.")


_VERBS = {"list": _list, "fetch": _fetch, "verify": _verify, "port": _port}
