"""Markdown and YAML in which foreign text stays text.

Names of classes and datasets come from files: one may hold a link, a line that ends the
header, or what turns the direction of writing. In a code span nothing is obeyed.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kerastransfer.foundation.quoting import LONGEST_TEXT, printable

_TICKS = re.compile("`+")
_SPECIAL = re.compile(r"([\\`*_\[\]#!<>&~$^])")
# GitHub makes links of these without being asked.
_LINKS = re.compile(r"(?i)(https?|ftp|www|mailto|xmpp)([:.])")
_DIGITS = 6  # of a number
# What YAML's readers refuse in a file, besides what `printable` escapes.
_UNREADABLE = re.compile("[\ufeff\ufffe\uffff]")


def code(text: str, most: int = LONGEST_TEXT) -> str:
    r"""Return a code span that shows a text as it is, in a table's cell too.

    Examples
    --------
    >>> code("a`b"), code("two\nlines"), code("[x](http://y)")
    ('``a`b``', '`two\\nlines`', '`[x](http://y)`')
    """
    text = _UNREADABLE.sub("?", printable(text, most))
    if not text.strip():
        return "(blank)"  # for a span of blanks is none
    longest = max(map(len, _TICKS.findall(text)), default=0)
    fence = "`" * (longest + 1)
    # One blank on each side is taken away where there are two.
    edge = " " if text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{edge}{text}{edge}{fence}"


def plain(text: str, most: int = LONGEST_TEXT) -> str:
    r"""Return running text of which Markdown and HTML take nothing for their own.

    Examples
    --------
    >>> print(plain("<b>*now* [x](y)"))
    \<b\>\*now\* \[x\](y)
    """
    text = _SPECIAL.sub(r"\\\1", _UNREADABLE.sub("?", printable(text, most)))
    # A blank of no width: the text looks the same.
    return _LINKS.sub("\\1\u200b\\2", text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    r"""Return a table of cells that are Markdown already.

    >>> print(table(["name"], [["`a|b`"]]))
    | name |
    | --- |
    | `a\|b` |
    """
    lines = [head, ["---"] * len(head), *rows]
    # In a cell a bar is escaped in code spans, too.
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def header(fields: Mapping[str, Any]) -> str:
    """Return fields as the YAML header of a card.

    Parameters
    ----------
    fields : mapping
        Nested mappings and lists of text, numbers and None; keys are ours.
    """
    return "\n".join(["---", *_block(fields, 0), "---"])


def _block(value: Any, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(value, Mapping):
        lines = []
        for key, inner in value.items():
            if isinstance(inner, Mapping | list) and inner:
                lines += [f"{indent}{key}:", *_block(inner, depth + 1)]
            else:
                lines.append(f"{indent}{key}: {_scalar(inner)}")
        return lines
    lines = []
    for inner in value:
        if isinstance(inner, Mapping):
            first, *others = _block(inner, depth + 1)
            lines += [f"{indent}- {first.lstrip()}", *others]
        else:
            lines.append(f"{indent}- {_scalar(inner)}")
    return lines


def _scalar(value: Any) -> str:
    """Spell a value as JSON does, which YAML reads alike."""
    if isinstance(value, float):
        # YAML 1.1 takes 5e-05 for text, and 5.0e-05 for a number.
        text = repr(round(value, _DIGITS))
        return text if "." in text else text.replace("e", ".0e")
    if isinstance(value, str):
        value = _UNREADABLE.sub("?", printable(value, LONGEST_TEXT))
    # Not in ASCII: YAML takes JSON's two halves of a character for two.
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
