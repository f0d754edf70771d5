"""All that is remarked on a response of a model, before any draw is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shoal.model.checks.alike import alike
from shoal.model.checks.categories import unobserved
from shoal.model.checks.identified import columns_for_rows, split_variance
from shoal.model.checks.levels import nesting
from shoal.model.checks.offsets import offsets
from shoal.model.checks.remark import Remark
from shoal.model.checks.separation import separation
from shoal.model.checks.slopes import slopes

if TYPE_CHECKING:
    import pandas as pd

    from shoal.model.design import Design


def remarks(design: Design, frame: pd.DataFrame) -> list[Remark]:
    """Return what is remarked on a design that `frame` was read into."""
    return [
        *unobserved(design),
        *nesting([term.factor for term in design.formula.groups if term.membership is None], frame),
        *columns_for_rows(design),
        *slopes(design),
        *separation(design, frame),
        *offsets(design, frame),
        *alike(design.formula.columns, frame),
        *split_variance(design),
    ]
