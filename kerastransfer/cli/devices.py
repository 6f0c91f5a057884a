"""Arguments that say which devices train, and how they are read."""

import argparse

from kerastransfer.cli import options
from kerastransfer.cli.options import Arguments
from kerastransfer.distribution.choice import STRATEGIES, Choice


def add_arguments(arguments: Arguments) -> None:
    """Declare ``--strategy``, ``--devices``, ``--workers`` and ``--worker``."""
    add = arguments.add_argument
    add(
        "--strategy",
        choices=STRATEGIES,
        default="auto",
        help="auto: every GPU of this machine, or all that TF_CONFIG names",
    )
    add("--devices", type=int, metavar="N", help="how many of this machine's")
    add(
        "--workers",
        type=options.names,
        default=(),
        metavar="HOST:PORT,...",
        help="every process that trains, the chief first; the same in each",
    )
    add("--worker", type=int, metavar="K", help="which of them this is, from 0")


def choice(args: argparse.Namespace) -> Choice:
    """Read what the user says of devices.

    Parameters
    ----------
    args : argparse.Namespace

    Returns
    -------
    Choice

    Raises
    ------
    InputError
        If the arguments do not go together.
    """
    return Choice(
        strategy=args.strategy,
        devices=args.devices,
        workers=args.workers,
        worker=args.worker,
    )
