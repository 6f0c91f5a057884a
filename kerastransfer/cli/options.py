"""Arguments that several commands share, and how they are read."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kerastransfer.backbones import spec
from kerastransfer.backbones.keras_models.origins import functions
from kerastransfer.backbones.preprocessing import FITS, PIXELS
from kerastransfer.datasets import table
from kerastransfer.datasets.option import Option
from kerastransfer.foundation.home import records_home
from kerastransfer.foundation.quoting import quoted

# Of a command, or of one heading of its help.
Arguments = argparse.ArgumentParser | argparse._ArgumentGroup


class Headings:
    """The headings of a command's help, made when they are first asked for."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parser = parser
        self._groups: dict[str, argparse._ArgumentGroup] = {}

    def __getitem__(self, title: str) -> argparse._ArgumentGroup:
        if title not in self._groups:
            self._groups[title] = self._parser.add_argument_group(title)
        return self._groups[title]


def add_records(arguments: Arguments) -> None:
    """Declare ``--records``, the folder that holds converted datasets."""
    arguments.add_argument(
        "--records",
        type=Path,
        metavar="DIR",
        help="Folder that holds converted datasets "
        "(default: $KERASTRANSFER_HOME/records)",
    )


def add_dataset_options(arguments: Arguments, *owners: str) -> None:
    """Declare the flags of some datasets' own options; see `dataset_options`.

    Parameters
    ----------
    *owners : str
        Names of datasets, or kinds of a user's own; all, where none is named.
    """
    declared = table.declared_options()
    by_owner = table.options_by_owner()
    wanted = {each.name for owner in owners for each in by_owner[owner]}
    for name, several in declared.items():
        if owners and name not in wanted:
            continue
        words, option = _option_help(name, several), several[0]
        if option.value_type is bool:
            arguments.add_argument(option.flag, action="store_true", help=words)
        elif option.several:
            arguments.add_argument(
                option.flag, action="append", metavar=option.metavar, help=words
            )
        else:
            arguments.add_argument(
                option.flag, type=option.value_type, metavar=option.metavar, help=words
            )


def dataset_options(args: argparse.Namespace) -> dict[str, Any]:
    """Return the datasets' own options that the user gave."""
    given = {name: getattr(args, name, None) for name in table.declared_options()}
    return {name: value for name, value in given.items() if value not in (None, False)}


def _option_help(name: str, declared: Sequence[Option]) -> str:
    """Say what an option does, of which datasets, and what its default is.

    >>> print(_option_help("patch_size", table.declared_options()["patch_size"]))
    Side of the patches about labelled points, in pixels (coral; default: 224)
    """
    owners = []
    for owner, options in table.options_by_owner().items():
        for option in options:
            if option.name == name:
                choices = " or ".join(option.choices)
                owners.append(f"{owner}: {choices}" if choices else owner)
    default = declared[0].shown_default
    return f"{declared[0].help} ({', '.join(owners)}; default: {default})"


def records_folder(args: argparse.Namespace) -> Path:
    """Return the folder that holds converted datasets."""
    return args.records or records_home()


def add_fit(arguments: Arguments, default: str | None = "crop") -> None:
    """Declare ``--fit``, where it is no setting of a run."""
    arguments.add_argument(
        "--fit",
        choices=FITS,
        default=default,
        help="How an image that is not square is brought to the network: cut off what "
        "lies beyond the crop, or see it whole, with borders (pad) or warped (squash); "
        f"as in 'train' (default: {default or 'as a run was trained, else crop'})",
    )


def add_network(arguments: Arguments) -> None:
    """Declare how the network that ``--backbone`` names is to be taken."""
    arguments.add_argument(
        "--image-size",
        type=int,
        metavar="N",
        help="Side in pixels of the images that the network gets, where it takes "
        "others than its usual ones",
    )
    arguments.add_argument(
        "--cuts",
        type=names,
        metavar="NAME,...",
        help="Of --backbone keras:FILE: the six layers that end blocks 1 to 6 "
        "(default: chosen for equal weights and computation, and printed)",
    )
    arguments.add_argument(
        "--preprocessing",
        choices=[*PIXELS],
        help="Of --backbone keras:FILE: what becomes of pixels in 0 to 255 before the "
        "model, where it does not do that itself",
    )
    _add_feature(arguments)


def _add_feature(arguments: Arguments) -> None:
    arguments.add_argument(
        "--feature",
        choices=spec.FEATURES,
        help="Of a transformer: what its last layer's tokens become, the class token, "
        "the mean of the others, or both (default: the class token of hub:PRESET, else "
        "the mean of all)",
    )


def settle_network(args: argparse.Namespace) -> None:
    """Bring what `add_network` declares into the network's name."""
    if hasattr(args, "cuts"):
        args.backbone = spec.with_options(
            getattr(args, "backbone", None),
            cuts=args.cuts,
            preprocessing=args.preprocessing,
            size=args.image_size,
            feature=args.feature,
        )
    if spec.is_own(getattr(args, "backbone", None) or ""):
        own = spec.OwnSpec.parse(args.backbone)
        functions.check(own)
        args.backbone = str(own)


def add_verb(verbs: Any, name: str, sentence: str) -> Headings:
    """Declare a verb of a command; return the headings of its help."""
    return Headings(verbs.add_parser(name, help=sentence, allow_abbrev=False))


def add_ignore_seal(arguments: Arguments) -> None:
    """Declare ``--ignore-seal``, of commands that read a finished run."""
    arguments.add_argument(
        "--ignore-seal",
        action="store_true",
        help="Take the model's files even where they were changed since",
    )


def add_json(arguments: Arguments) -> None:
    """Declare ``--json``."""
    arguments.add_argument(
        "--json", action="store_true", help="Print JSON in place of text"
    )


def whole_numbers(text: str) -> tuple[int, ...]:
    """Read ``8`` or ``30,8``."""
    return tuple(int(part) for part in text.split(","))


def numbers(text: str) -> tuple[float, ...]:
    """Read ``0.01`` or ``0.01,0.0005``."""
    return tuple(float(part) for part in text.split(","))


def names(text: str) -> tuple[str, ...]:
    """Read ``a`` or ``a,b``."""
    return tuple(part.strip() for part in text.split(","))


def yes_or_no(text: str) -> bool:
    """Read ``yes`` or ``no``."""
    if text not in ("yes", "no"):
        raise argparse.ArgumentTypeError(f"expected yes or no, got {quoted(text)}")
    return text == "yes"


def gigabytes(text: str) -> int:
    """Read a size in GiB; return bytes."""
    return int(_positive(text) * 2**30)


def seconds(text: str) -> float:
    """Read a time in seconds."""
    return _positive(text)


def minutes(text: str) -> float:
    """Read a time in minutes."""
    return _positive(text)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(
            f"expected a number above 0, got {quoted(text)}"
        )
    return value
