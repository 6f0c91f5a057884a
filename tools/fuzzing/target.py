"""What is fuzzed: a reader, sound files for it, and ways to spoil them."""

import dataclasses
import random
from collections.abc import Callable, Sequence
from pathlib import Path

# From a sound file's bytes, another's to splice in, and a source of chance.
Mutate = Callable[[bytes, bytes, random.Random], bytes]


@dataclasses.dataclass(frozen=True, slots=True)
class Mutator:
    """One way to make another file of a sound one.

    Parameters
    ----------
    honest : bool
        Whether its files say of themselves what they hold: checksums are computed
        again, so that no reader can tell.
    """

    name: str
    mutate: Mutate
    honest: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One kind of file and its reader.

    Parameters
    ----------
    name : str
    prepare : callable
        Makes sound files in an empty folder and returns those to spoil, in the same
        order and with the same bytes each time.
    read : callable
        Reads a file as the package does and returns what it holds: equal values for
        equal contents.
    mutators : sequence of Mutator
        Those of the format, beside those of all files.
    checked : bool
        Whether the format carries checksums of all its contents, so that other content
        that is taken for sound is a fault.
    modules : sequence of str
        Those that reading needs and that can be imported before a process is forked:
        neither TensorFlow nor what starts threads.
    """

    name: str
    prepare: Callable[[Path], Sequence[Path]]
    read: Callable[[Path], object]
    mutators: Sequence[Mutator] = ()
    checked: bool = False
    modules: Sequence[str] = ()
