"""The command line: ``kerastransfer COMMAND``.

Exit codes: 0 done, 1 an error that the user can mend (one line on standard error),
2 usage, 130 interrupted, 143 told to end. Commands import TensorFlow only once their
arguments hold.
"""

import argparse
import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from absl import app, flags, logging
from absl.flags import argparse_flags

from kerastransfer import __version__
from kerastransfer.cli.commands import (
    convert,
    datasets,
    distance,
    evaluate,
    export,
    features,
    inspect,
    predict,
    recipes,
    train,
    tune,
    weights,
)
from kerastransfer.errors import KerasTransferError, Terminated
from kerastransfer.foundation.report import KerasTransferWarning

COMMANDS: dict[str, ModuleType] = {
    "datasets": datasets,
    "convert": convert,
    "inspect": inspect,
    "weights": weights,
    "recipes": recipes,
    "train": train,
    "tune": tune,
    "evaluate": evaluate,
    "predict": predict,
    "export": export,
    "features": features,
    "distance": distance,
}


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
    parser = argparse_flags.ArgumentParser(
        prog="kerastransfer", description=_DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name,
            help=module.HELP,
            description=module.HELP,
            allow_abbrev=False,
            inherited_absl_flags=None,
        )
        module.add_arguments(command)
    return parser.parse_args(list(arguments))


def execute(arguments: argparse.Namespace) -> int:
    """Run a parsed command, and turn what the user can mend into one line.

    Parameters
    ----------
    arguments : argparse.Namespace
        As `parse` returns it.

    Returns
    -------
    int
        The exit code.
    """
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            code: int = COMMANDS[arguments.command].execute(arguments)
        except Terminated as stopped:
            _fail(str(stopped))
            return stopped.code
        except KerasTransferError as error:
            return _fail(str(error))
        except OSError as error:
            return _fail(
                f"{error.strerror or error}: {error.filename or ''}".rstrip(": ")
            )
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
    app.run(_start, flags_parser=lambda argv: parse(argv[1:]))


def _start(arguments: argparse.Namespace) -> int:
    """Leave the libraries' notes out, unless --verbosity asks for them."""
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.WARNING)
    return execute(arguments)


def _fail(message: str) -> int:
    print(f"kerastransfer: error: {message}", file=sys.stderr)
    return 1


def _show_warning(
    message: Warning | str, category: type[Warning], *_: Any, **__: Any
) -> None:
    """Print our own warnings in a line; a library's are not for this user."""
    if issubclass(category, KerasTransferWarning):
        print(f"kerastransfer: warning: {message}", file=sys.stderr)


_DESCRIPTION = (
    "Freeze, fine-tune or re-draw a pretrained image classifier, block by block, on "
    "images of your own; evaluate it with intervals and export it."
)
