"""How a value that prints shows itself in a notebook."""

import html


class Preformatted:
    """Shows in a notebook what `str` gives, as it stands."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"
