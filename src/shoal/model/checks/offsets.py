"""Offsets on another scale than that of the linear predictor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shoal.errors import DataError
from shoal.formula.evaluate import evaluate
from shoal.model.checks.remark import Remark

if TYPE_CHECKING:
    import pandas as pd

    from shoal.model.design import Design

WIDE = 25.0  # of a link other than the identity: a factor of 7e10, or a probability of 1e-11
ENDLESS = 300.0  # from which on the mean is no number that leaves room for a coefficient


def offsets(design: Design, frame: pd.DataFrame) -> list[Remark]:
    """Return a remark on each offset that spreads wider than any mean does.

    Raises
    ------
    DataError
        If the means are beyond all numbers.
    """
    if design.family.link == "identity":
        return []
    found = []
    for offset in design.formula.offsets:
        columns = {name: frame[name].to_numpy() for name in offset.columns}
        values = np.atleast_1d(np.asarray(evaluate(offset, columns), float))
        low, high = float(values.min()), float(values.max())
        if high - low <= WIDE and max(abs(low), abs(high)) <= ENDLESS:
            continue
        log = design.family.link == "log"
        far = high if abs(high) >= abs(low) else low
        what = f"reaches e^{far:,.0f}" if log else f"goes from {low:,.3g} to {high:,.3g}"
        scale = f"It is added to the linear predictor, which has the {design.family.link} link"
        logged = f"Is offset(log({offset.text})) meant?" if (values > 0).all() else "Is it in another unit?"
        if log and max(abs(low), abs(high)) > ENDLESS:
            raise DataError("offset-too-large", f"offset({offset.text}) {what}.", f"{scale}.", logged)
        found.append(
            Remark("offset", f"offset({offset.text}) {what}: is that on the right scale? {scale}.", logged)
        )
    return found
