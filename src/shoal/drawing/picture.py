"""What every plot returns: the figure, the numbers drawn, and a sentence that says what they are."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shoal.errors import ModelError
from shoal.fit.files import path_of, whole

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Picture:
    """A figure with what it shows.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        Belongs to no window: change it, or save it.
    numbers : pandas.DataFrame
        What is drawn, one row a mark, in the units of the axes.
    caption : str
        One or two sentences: what is drawn, on which scale, of which population.
    """

    figure: Figure
    numbers: pd.DataFrame
    caption: str

    def save(self, path: str | Path, dpi: int = 150) -> Path:
        """Write the figure to a PNG, SVG or PDF file.

        Raises
        ------
        ModelError
            Another ending.
        FileError
            A file that cannot be written.
        """
        path = path_of(path)
        if path.suffix.lower() not in FORMATS:
            raise ModelError(
                "output-ending", f"{path.name!r} ends in none of {', '.join(FORMATS)}.", "One of these."
            )
        with whole(path) as part:
            self.figure.savefig(part, dpi=dpi, format=path.suffix[1:].lower())
        return path

    def svg(self) -> str:
        """Return the figure as an ``<svg>`` element, text as text, without a header or a date."""
        from matplotlib import rc_context

        buffer = io.StringIO()
        with rc_context({"svg.fonttype": "none", "svg.hashsalt": "shoal"}):
            self.figure.savefig(buffer, format="svg", metadata={"Date": None})
        text = buffer.getvalue()
        return text[text.index("<svg") :]

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=110)
        return buffer.getvalue()

    def __repr__(self) -> str:
        return f"<shoal picture: {self.caption}>"
