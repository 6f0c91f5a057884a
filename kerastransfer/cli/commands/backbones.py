"""``kerastransfer backbones``: which networks there are, and what each consists of."""

import argparse
import dataclasses
import json
from typing import Any

from kerastransfer.backbones import spec, table
from kerastransfer.backbones.backbone import Backbone
from kerastransfer.backbones.keras_models.origins import hub_presets
from kerastransfer.backbones.keras_models.origins.hub_presets import HubPreset
from kerastransfer.backbones.published import PublishedWeights
from kerastransfer.cli import options, streams
from kerastransfer.cli.options import add_verb
from kerastransfer.weights import places
from kerastransfer.weights import table as weights

EXAMPLES = (
    "kerastransfer backbones list",
    "kerastransfer backbones explain resnet50",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    listing = add_verb(verbs, "list", "list the networks that --backbone takes")
    explain = add_verb(
        verbs, "explain", "print a network's blocks, its weights and their licence"
    )
    explain["backbone"].add_argument(
        "name",
        metavar="NAME",
        help="Name of a network, as 'list' prints it; with @N for images of N pixels",
    )
    explain["backbone"].add_argument(
        "--dry-run",
        action="store_true",
        help="Of hub:PRESET: say its size and where it comes from; download nothing",
    )
    for headings in (listing, explain):
        options.add_json(headings["output"])


def execute(args: argparse.Namespace) -> int:
    """Carry out the verb."""
    return _explain(args) if args.verb == "explain" else _list(args)


def _list(args: argparse.Namespace) -> int:
    rows = [_summary(backbone) for backbone in table.BACKBONES.values()]
    if args.json:
        streams.show(json.dumps(rows, indent=2))
        return 0
    for row in rows:
        top1 = "" if row["top1"] is None else f"top-1 {row['top1']:.1%}"
        cells = (
            row["name"],
            f"{row['input']} px",
            f"{row['parameters'] / 1e6:.1f} M weights",
            f"{row['multiply_adds'] / 1e9:.2f} G multiply-adds",
            top1,
            "at hand" if row["at_hand"] else "not at hand",
            row["licence"],
        )
        streams.show("\t".join(cells))
    return 0


def _explain(args: argparse.Namespace) -> int:
    preset = _preset_of(args.name)
    if preset and args.dry_run:
        known = json.dumps(_known(preset), indent=2) if args.json else _sentence(preset)
        streams.show(known)
        return 0
    backbone = table.get(args.name)
    published = weights.of_backbone(args.name)
    if args.json:
        everything = _everything(backbone, published)
        if preset:
            everything["preset"] = _known(preset)
        streams.show(json.dumps(everything, indent=2))
        return 0
    streams.show(str(backbone))
    total = sum(block.multiply_adds for block in backbone.blocks)
    streams.show(
        f"{total / 1e9:.2f} G multiply-adds an image: by block, in millions, "
        + ", ".join(f"{b.multiply_adds / 1e6:.0f}" for b in backbone.blocks)
    )
    for line in _of_weights(backbone, published, preset):
        streams.show(line)
    return 0


def _of_weights(
    backbone: Backbone,
    published: tuple[PublishedWeights, ...],
    preset: HubPreset | None,
) -> list[str]:
    """Say of a backbone's weights what they are and where."""
    lines = [_describe(row) for row in published]
    if preset:
        lines.append(_sentence(preset))
    if backbone.held is not None:
        lines += [_sentence(remark) for remark in backbone.held().remarks]
    elif not published:
        lines.append("No weights are published; name a file with --weights FILE.")
    return lines


def _preset_of(name: str) -> HubPreset | None:
    """Return what is known of the preset that a name says; None for another name."""
    if not name.startswith(spec.HUB):
        return None
    return hub_presets.find(spec.OwnSpec.parse(name).place)


def _known(preset: HubPreset) -> dict[str, Any]:
    return {**dataclasses.asdict(preset), "folder": str(preset.folder or "")}


def _sentence(words: object) -> str:
    text = str(words)
    return f"{text[:1].upper()}{text[1:]}."


def _describe(row: PublishedWeights) -> str:
    """Say in a line what is known of a published file, and where it is."""
    words = [f"weights {row.name}: {row.file}", f"licence {row.licence}"]
    if row.top1 is not None:
        source = f" ({row.accuracy_source})" if row.accuracy_source else ""
        words.append(f"ImageNet top-1 {row.top1:.1%}{source}")
    path = places.expected_path(row)
    if places.at_hand(row):
        words.append(f"at hand: {path}")
    elif row.package:
        words.append(f"in the package {row.package.replace('_', '-')}")
    elif row.of_keras:
        words.append(f"downloaded to {path} when it is first used")
    else:
        words.append(f"not at hand: kerastransfer weights fetch {row.name}")
    return "; ".join(words)


def _summary(backbone: Backbone) -> dict[str, Any]:
    published = weights.of_backbone(backbone.name)
    first = published[0] if published else None
    return {
        "name": backbone.name,
        "title": backbone.title,
        "input": backbone.preprocessing.crop,
        "features": backbone.num_features,
        "parameters": sum(block.parameters for block in backbone.blocks),
        "multiply_adds": sum(block.multiply_adds for block in backbone.blocks),
        "top1": first and first.top1,
        "top1_source": first and first.accuracy_source,
        "licence": first.licence if first else "",
        "at_hand": any(places.at_hand(row) for row in published),
    }


def _everything(
    backbone: Backbone, published: tuple[PublishedWeights, ...]
) -> dict[str, Any]:
    return {
        **_summary(backbone),
        "preprocessing": backbone.preprocessing.as_dict(),
        "blocks": [
            {
                "block": number,
                "layers": block.layers,
                "parameters": block.parameters,
                "batch_norms": block.batch_norms,
                "random_layers": block.random_layers,
                "dropout": block.dropout,
                "multiply_adds": block.multiply_adds,
                "output": output,
            }
            for number, (block, output) in enumerate(
                zip(backbone.blocks, [*backbone.outputs, None], strict=True), start=1
            )
        ],
        "weights": [
            {
                "name": row.name,
                "file": row.file,
                "licence": row.licence,
                "top1": row.top1,
                "top1_source": row.accuracy_source,
                "at_hand": places.at_hand(row),
                "path": str(places.expected_path(row) or ""),
            }
            for row in published
        ],
    }
