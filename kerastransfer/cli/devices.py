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
        help="How devices train together; auto takes every GPU of this machine, or all "
        "processes that TF_CONFIG names (default: auto)",
    )
    add(
        "--devices",
        type=int,
        metavar="N",
        help="Number of this machine's devices to use (default: all GPUs, or one CPU)",
    )
    add(
        "--workers",
        type=options.names,
        default=(),
        metavar="HOST:PORT,...",
        help="Every process that trains, the chief first; the same list in each "
        "(default: this process alone)",
    )
    add(
        "--worker",
        type=int,
        metavar="K",
        help="Which of the workers this process is, counted from 0",
    )


def choice(args: argparse.Namespace) -> Choice:
    """Read what the user says of devices.

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
