"""Pictures as part of a page: scalable, light, and without a name in common."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING
from xml.dom.minidom import Element, parseString

import numpy as np
from markupsafe import Markup

from shoal.drawing.picture import Picture
from shoal.report.parts import Drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEAVY = 12_000  # points from which on marks are drawn as pixels, and only text and axes as shapes
DPI = 130  # of those pixels
_POINTS = re.compile(r"([\d.]+)pt")
_LINK = re.compile(r"url\(#([^)]*)\)")
_LONG = re.compile(r"\d+\.\d{3,}")
_GEOMETRY = ("d", "x", "y", "width", "height", "points", "transform")


def drawing(picture: Picture, name: str) -> Drawing:
    """Return a picture whose ids all begin with `name`.

    Its width is a share of the page's, up to its own; coordinates have two decimals; styles and metadata that
    would speak of the whole page are left out.
    """
    with warnings.catch_warnings():
        # Letters that matplotlib's own font lacks are text here, which the browser writes in another.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        text = picture.svg() if _points(picture.figure) < HEAVY else _as_pixels(picture)
    svg = parseString(text).documentElement
    assert isinstance(svg, Element)
    for element in svg.getElementsByTagName("*"):
        if element.tagName in ("metadata", "style") and element.parentNode:
            element.parentNode.removeChild(element)
        _tidy(element, name)
    width = _POINTS.fullmatch(svg.getAttribute("width"))
    for attribute in ("width", "height"):
        svg.removeAttribute(attribute)
    if width:
        svg.setAttribute("style", f"max-width: {float(width[1]):.0f}pt")
    svg.setAttribute("role", "img")
    svg.setAttribute("aria-label", picture.caption)
    return Drawing(Markup(svg.toxml()), picture.caption)


def _points(figure: Figure) -> int:
    """Return how many points lines and marks have."""
    count = 0
    for axes in figure.axes:
        count += sum(np.size(line.get_xdata()) for line in axes.lines)
        for marks in axes.collections:
            count += max(len(np.asarray(marks.get_offsets())), sum(map(len, marks.get_paths())))
    return count


def _as_pixels(picture: Picture) -> str:
    """Return the figure with its lines and marks as pixels."""
    for axes in picture.figure.axes:
        for artist in (*axes.lines, *axes.collections, *axes.patches):
            artist.set_rasterized(True)
    before, picture.figure.dpi = picture.figure.dpi, DPI
    try:
        return picture.svg()
    finally:
        picture.figure.dpi = before


def _tidy(element: Element, name: str) -> None:
    """Put `name` before an element's id and before those it points to, and round its coordinates."""
    for key, value in list(element.attributes.items()):
        if key == "id":
            element.setAttribute(key, f"{name}-{value}")
        elif key in ("href", "xlink:href") and value.startswith("#"):
            element.setAttribute(key, f"#{name}-{value[1:]}")
        elif "url(#" in value:
            element.setAttribute(key, _LINK.sub(rf"url(#{name}-\1)", value))
        elif key in _GEOMETRY:
            element.setAttribute(key, " ".join(_LONG.sub(_rounded, value).split()))
    for child in list(element.childNodes):
        if child.nodeType == child.TEXT_NODE and not child.data.strip():
            element.removeChild(child)


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
