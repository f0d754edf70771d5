"""The last part of an error: the formula as it can be typed, in the names of the user."""

from __future__ import annotations

import re


def write(line: str) -> str:
    """Return the remedy that gives a whole formula on a line of its own, to be copied."""
    one = re.sub(r"\s*\n\s*", " ", line.strip())
    return f"Write this:\n    {one}"


def rewrite(formula: str, span: tuple[int, int], piece: str) -> str:
    """Return the remedy that gives the formula with `piece` in place of what stands at `span`."""
    return write(formula[: span[0]] + piece + formula[span[1] :])
