"""The command line: ``kerastransfer COMMAND``.

Exit codes: 0 done, 1 an error that the user can mend (one line on standard error),
2 usage, 130 interrupted, 141 nobody reads the results, 143 told to end. Only the
command that is given is imported, and TensorFlow only once its arguments hold.
"""

import argparse
import importlib
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NoReturn

from absl import app, flags, logging
from absl.flags import argparse_flags

from kerastransfer import __version__
from kerastransfer.backbones.keras_models.origins import functions
from kerastransfer.cli import options, streams
from kerastransfer.errors import KerasTransferError, Terminated
from kerastransfer.foundation import keras_settings
from kerastransfer.foundation.quoting import LONGEST_MESSAGE, printable
from kerastransfer.foundation.report import KerasTransferWarning, say

# The commands in the order of their use, and what each does.
_ABOUT_IMAGES = frozenset(("convert", "datasets", "inspect"))
COMMANDS = {
    "datasets": "list the datasets that are known, and what is converted",
    "convert": "write a dataset's images as TFRecords, in splits",
    "inspect": "look for duplicates, leaks between splits and damaged images",
    "backbones": "list the networks there are, and what each consists of",
    "weights": "list, fetch, verify and port pretrained weights",
    "recipes": "explain what a recipe does, block by block",
    "advise": "say which recipe to train, by measurement on parts of train and val",
    "rank": "say which pretrained network to take, by plain classifiers on features",
    "train": "train one recipe on one dataset, evaluate it and export it",
    "tune": "search for a recipe and its settings, on the validation set",
    "study": "train a grid of recipes, datasets and numbers of images, and sum it up",
    "evaluate": "measure a run's model on a split, with intervals",
    "predict": "classify image files with a run or an exported model",
    "card": "write a model card of a run: data, recipe, metrics, limits, licences",
    "export": "write a run's model as a SavedModel that needs TensorFlow alone",
    "features": "write a backbone's features of images to a file",
    "distance": "measure how far images are from what a backbone was pretrained on",
}
_DESCRIPTION = (
    "Freeze, fine-tune or re-draw a pretrained image classifier, block by block, on "
    "images of your own; evaluate it with intervals and export it."
)
_DEFAULT_BACKBONE = (
    "Without --backbone, the study's seven datasets are used with alexnet and all "
    "others with efficientnet_lite0, which is installed."
)


class _Parser(argparse_flags.ArgumentParser):
    """Its commands' parsers are of its class."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong of what was typed, in a line, and end."""
        super().error(printable(message, LONGEST_MESSAGE))
        raise AssertionError  # it never returns


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line.

    Parameters
    ----------
    arguments : sequence of str
        Without the program's name.

    Returns
    -------
    argparse.Namespace
        ``command`` and its arguments.

    Raises
    ------
    SystemExit
        With code 2 for a usage error, 0 after ``--help`` or ``--version``.
    """
    parser = _Parser(
        prog="kerastransfer",
        description=_DESCRIPTION,
        epilog=_DEFAULT_BACKBONE,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parsers = {}
    for name, summary in COMMANDS.items():
        command = parsers[name] = commands.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
            inherited_absl_flags=None,
        )
        if name in arguments:
            module = command_module(name)
            command.epilog = _examples(module)
            module.add_arguments(command)
    parsed, odd = parser.parse_known_args(list(arguments))
    if odd:  # with the command's own usage
        parsers[parsed.command].error(f"unrecognized arguments: {' '.join(odd)}")
    return parsed


def command_module(name: str) -> ModuleType:
    """Import the module of one command."""
    room = "images." if name in _ABOUT_IMAGES else ""
    return importlib.import_module(f"kerastransfer.cli.commands.{room}{name}")


def execute(arguments: argparse.Namespace) -> int:
    """Run a parsed command, and turn what the user can mend into one line.

    Returns
    -------
    int
        The exit code.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            with keras_settings.own_settings(), functions.refused():
                options.settle_network(arguments)
                code: int = command_module(arguments.command).execute(arguments)
        except Terminated as stopped:
            _fail(str(stopped))
            return stopped.code
        except KerasTransferError as error:
            return _fail(str(error))
        except OSError as error:
            return _fail_of_system(error)
        except KeyboardInterrupt:
            _fail("Interrupted.")
            return 130
        return code


def main(arguments: Sequence[str]) -> int:
    """Parse and run; for Python callers and tests.

    Parameters
    ----------
    arguments : sequence of str
        Without the program's name.

    Returns
    -------
    int
        The exit code.
    """
    return execute(parse(arguments))


def run() -> None:
    """Start from the console; never returns."""
    streams.prepare()
    with streams.flushed():
        app.run(_start, flags_parser=lambda argv: parse(argv[1:]))


def _start(arguments: argparse.Namespace) -> int:
    """Leave the libraries' notes out, unless --verbosity asks for them."""
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)
    return execute(arguments)


def _examples(module: ModuleType) -> str:
    lines = getattr(module, "EXAMPLES", ())
    return "\n".join(["examples:", *(f"  {line}" for line in lines)]) if lines else ""


def _fail(message: str) -> int:
    say(f"kerastransfer: error: {printable(message, LONGEST_MESSAGE)}")
    return 1


def _fail_of_system(error: OSError) -> int:
    if streams.output_error() is not None:
        return 1  # `run` says it
    return _fail(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "))


def _show_warning(
    message: Warning | str, category: type[Warning], *_: Any, **__: Any
) -> None:
    """Print our own warnings in a line; a library's are not for this user."""
    if issubclass(category, KerasTransferWarning):
        say(f"kerastransfer: warning: {printable(str(message), LONGEST_MESSAGE)}")
