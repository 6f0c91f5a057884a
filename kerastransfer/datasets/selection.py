"""Which of a folder's files a user wants: patterns, and whether links are followed."""

import dataclasses
import functools
import re
import shlex

import pathspec

from kerastransfer.errors import InputError
from kerastransfer.foundation.quoting import quoted

_ALL = frozenset(("*", "**", "**/*", "/**", "/*"))


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which files of a folder are read.

    Parameters
    ----------
    include, exclude : tuple of str
        Patterns as in a ``.gitignore`` file, over paths below the folder. A file is
        read that one of `include` fits, where there are any, and none of `exclude`.
    follow_links : bool
        Whether symbolic links are read as what they lead to.

    Raises
    ------
    InputError
        If a pattern cannot be read.

    Examples
    --------
    >>> selection = Selection(exclude=("masks/", "*_thumb.jpg"))
    >>> selection.takes("cat/1.jpg"), selection.takes("cat/1_thumb.jpg")
    (True, False)
    >>> selection.enters("cat/masks")
    False
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    follow_links: bool = True

    def __post_init__(self) -> None:
        for flag, patterns in (("include", self.include), ("exclude", self.exclude)):
            for pattern in patterns:
                _check(flag, pattern)

    def __bool__(self) -> bool:
        return self != ALL

    def __str__(self) -> str:
        """Spell it as flags."""
        words = [f"--include {shlex.quote(pattern)}" for pattern in self.include]
        words += [f"--exclude {shlex.quote(pattern)}" for pattern in self.exclude]
        return " ".join(words + ["--no-follow-links"] * (not self.follow_links))

    def takes(self, path: str) -> bool:
        """Whether a file is wanted, by its path below the folder."""
        if self.include and self.includes(path) is None:
            return False
        return not self.leaves_out(path)

    def enters(self, path: str) -> bool:
        """Whether a folder, and all in it, is not left out as a whole."""
        return not self.leaves_out(f"{path}/")

    def leaves_out(self, path: str) -> bool:
        """Whether one of the patterns to exclude fits a file."""
        return self.excludes(path) is not None

    def excludes(self, path: str) -> str | None:
        """Return the pattern that leaves a file out, or a folder (``masks/``)."""
        return _fitting(self._excluding, self.exclude, path)

    def includes(self, path: str) -> str | None:
        """Return the pattern to include that a file fits."""
        return _fitting(self._including, self.include, path)

    def means(self, path: str) -> bool:
        """Whether the user named a folder by a pattern, and so says it is meant."""
        return self.includes(f"{path}/") is not None

    @property
    def means_all(self) -> bool:
        """Whether the user said that everything is meant, by ``--include '*'``."""
        return bool(_ALL & set(self.include))

    @functools.cached_property
    def _including(self) -> pathspec.GitIgnoreSpec:
        return pathspec.GitIgnoreSpec.from_lines(self.include)

    @functools.cached_property
    def _excluding(self) -> pathspec.GitIgnoreSpec:
        return pathspec.GitIgnoreSpec.from_lines(self.exclude)


def _fitting(
    spec: pathspec.GitIgnoreSpec, patterns: tuple[str, ...], path: str
) -> str | None:
    """Return the last pattern that fits, unless it takes back what others said."""
    if not patterns:
        return None
    result = spec.check_file(path)
    return (
        patterns[result.index] if result.include and result.index is not None else None
    )


ALL = Selection()
_SPECIAL = re.compile(r"([\\*?\[\]]| $)")


def excluding(path: str, *, folder: bool = False) -> str:
    """Say which flag leaves a file or a folder out.

    >>> print(excluding("my photos/cat 1.jpg"))
    --exclude '/my photos/cat 1.jpg'
    """
    pattern = "/" + _SPECIAL.sub(r"\\\1", path) + ("/" if folder else "")
    quoted = shlex.quote(pattern) if "'" in pattern else f"'{pattern}'"
    return f"--exclude {quoted}"


def _check(flag: str, pattern: object) -> None:
    valid = isinstance(pattern, str) and "\n" not in pattern
    if valid:
        try:
            spec = pathspec.GitIgnoreSpec.from_lines([str(pattern)])
            valid = any(each.include is not None for each in spec.patterns)
        except ValueError:
            valid = False
    if not valid:
        raise InputError(
            f"Expected --{flag} with a pattern as in a .gitignore file, such as "
            f"'masks/' or '*_mask.png', got {quoted(pattern)}."
        )
