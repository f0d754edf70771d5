"""Category-specific effects: for each cutpoint a linear predictor of the same columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from shoal.families.category_specific import AtCutpoint
from shoal.formula.formula import Formula
from shoal.model.build_factors import matrix_of
from shoal.model.design import Design
from shoal.model.scatter import scatter


def specific_parts(
    design: Design, frame: pd.DataFrame, categories: Sequence[Any], inside: np.ndarray | None = None
) -> list[Design]:
    """Return what each cutpoint adds to the linear predictor of `design`, none without ``cs(...)``.

    The coefficient of a column is called by the column and by the cutpoint, ``x[1|2]``.
    """
    formula = design.formula
    if formula.specific is None:
        return []
    matrix = matrix_of(formula.specific, frame, inside=inside)
    x, terms = matrix.values[:, 1:], matrix.names[1:]  # cutpoints stand where the Intercept would
    weight = design.row_weight
    averages = np.average(x, axis=0, weights=weight)
    own = Formula(formula.text, formula.response, formula.specific)
    parts = []
    for number, (below, above) in enumerate(zip(categories, categories[1:], strict=False), 1):
        family = AtCutpoint(number, design.family)
        parts.append(
            Design(
                formula=own,
                family=family,
                rows=design.rows,
                offset=np.zeros(design.n_rows),
                x=x,
                terms=terms,
                columns=tuple(f"{design.prefix}{term}[{below}|{above}]" for term in terms),
                groups=(),
                latents=(),
                curves=(),
                spec=matrix.spec,
                averages=averages,
                scatter=scatter(x, averages, weight),
                prefix=f"{design.prefix}{family.name}_",
            )
        )
    return parts
