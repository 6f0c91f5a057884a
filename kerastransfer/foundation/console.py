"""Words for the person who waits; results go elsewhere."""

import sys


def say(text: str) -> None:
    """Print a line on standard error.

    Parameters
    ----------
    text : str
    """
    print(text, file=sys.stderr, flush=True)
