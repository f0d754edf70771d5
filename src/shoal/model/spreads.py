"""Which rows share a standard deviation where the sigma of correlated residuals has a predictor."""

from __future__ import annotations

import numpy as np

from shoal.errors import ModelError
from shoal.model.design import Design
from shoal.model.residuals import Residuals

MOST_KINDS = 60  # standard deviations
MOST_STEPS = 300  # of ar, by gap and by the standard deviations of both rows: each has sums of its own


def kinds_of(part: Design) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the different rows of sigma's predictor: offsets (K,), columns (K, P), and which each row has.

    Parameters
    ----------
    part : Design
        The predictor of sigma, of population columns and offsets alone.
    """
    values = np.column_stack([part.offset, part.x])
    kinds, kind = np.unique(values, axis=0, return_inverse=True)
    return kinds[:, 0], kinds[:, 1:], kind.reshape(-1)


def check(design: Design) -> None:
    """Raise if residuals correlate whose standard deviations are not few.

    Raises
    ------
    ModelError
        Effects of levels, curves or unknown values predict sigma, or columns of many values; times of ``ar``
        that are apart in too many ways.
    """
    for part in design.predictors:
        if design.residuals is not None and design.residuals.kind == "sar":
            raise ModelError(
                "residuals-not-possible",
                "sar(...) with a predictor of sigma.",
                "Rows that depend on their neighbours have one sigma.",
            )
        others = {
            "a group term": bool(part.groups),
            "a latent": bool(part.latents),
            "a curve": bool(part.curves),
            "mi()": bool(part.imputed),
        }
        found = [what for what, there in others.items() if there]
        offsets, _, kind = kinds_of(part)
        if not found and len(offsets) > MOST_KINDS:
            found = [f"{len(offsets):,} different values"]
        if found:
            raise ModelError(
                "too-many-spreads",
                f"The residuals correlate, and the predictor of sigma has {found[0]}.",
                f"At most {MOST_KINDS} standard deviations, as of times, groups, or numbers of few values.",
                'predictors={"sigma": "~ 0 + visit"} gives each visit its own.',
            )
        if isinstance(design.residuals, Residuals) and design.residuals.kind == "ar":
            _, after, before = design.residuals.steps(design.rows.weight > 0)
            gap = design.residuals.time[after] - design.residuals.time[before]
            steps = len(np.unique(np.column_stack([gap, kind[after], kind[before]]), axis=0))
            if steps > MOST_STEPS:
                raise ModelError(
                    "too-many-spreads",
                    f"Rows that follow each other differ in {steps:,} ways: by the time between them, and "
                    "by the standard deviation of either.",
                    f"At most {MOST_STEPS}.",
                    "Let sigma depend on fewer values, or count times in larger units.",
                )
