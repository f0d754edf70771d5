"""Colours, sizes and words that all plots share."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from shoal.model.design import Design

# Okabe and Ito (2008): told apart by readers who do not see all colours.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, SKY)
GREY, FAINT = "0.45", "0.85"

POOLED, ALONE, COMPLETE, DIVERGENT, TRUTH = BLUE, ORANGE, GREY, RED, GREEN
"""One meaning, one colour, in every plot."""

LETTER = 0.6 / 72  # width of a letter in inches by its size in points, about


def new_figure(width: float = 7.0, height: float = 4.5) -> Figure:
    """Return an empty figure that belongs to no window, `width` by `height` inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def quiet(axes: Axes) -> Axes:
    """Take away the frame above and to the right."""
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def scale_of(design: Design) -> str:
    """Return the words for the scale of a linear predictor, such as "log odds of use_contraception"."""
    name = design.parameter or design.formula.response.value.text
    words = {"identity": "{}", "log": "log of {}", "logit": "log odds of {}", "probit": "probit of {}"}
    if not np.array_equal(design.family.normal_response(design.rows), design.rows.y):
        # lognormal: the identity link is that of the logarithm
        return f"log of {name}"
    if design.family.ordinal:
        return f"latent scale of {name} ({design.family.link})"
    return words.get(design.family.link, "{} (" + design.family.link + " scale)").format(name)


def plain(label: object, most: int = 48) -> str:
    """Return text that matplotlib writes as it is: dollar signs start no formula, long labels are cut."""
    return _cut(label, most).replace("$", r"\$")


def folded(label: object, width: int = 22) -> str:
    """Return text as `plain` does, in lines of at most `width` letters, first broken before a bracket."""
    text = _cut(label, 48)
    head, bracket, inside = text.partition("[")
    parts = [text] if len(text) <= width else [head, bracket + inside]
    return "\n".join(plain(line) for part in parts for line in textwrap.wrap(part, width))


def crowded(labels: Sequence[str], room: float, size: float = 8) -> bool:
    """Return whether labels of `size` points have to stand upright, `room` inches for all side by side."""
    return width_of(labels, size) > room


def width_of(labels: Sequence[str], size: float = 8) -> float:
    """Return about how many inches labels of `size` points take side by side, all as wide as the longest."""
    longest = max(len(line) for label in labels for line in label.split("\n"))
    return (longest + 1) * LETTER * size * len(labels)


def _cut(label: object, most: int) -> str:
    # A control character in an SVG is no XML.
    text = " ".join("".join(c if c.isprintable() else " " for c in str(label)).split())
    return text if len(text) <= most else text[: most - 1] + "…"
