"""Every family with a row function, and a call of it as the engine makes it."""

import numpy as np
import pytest
from family_cases import CASES, Case

from shoal.families.beta_binomial import BetaBinomial

OWN = [Case(BetaBinomial(), {"phi": phi}) for phi in (0.7, 6.0, 80.0)]
ALL = [*CASES, *OWN]
each_case = pytest.mark.parametrize("case", ALL, ids=str)


def blocks(case, rows, eta, phi, order):
    """Return what the row function writes, called as the engine calls it."""
    m = len(eta)
    out = [np.zeros(m), np.zeros((1, m)), np.zeros((1, m)), np.zeros(phi.shape), np.zeros(phi.shape)]
    parts = [np.array(part, float) for part in rows]
    case.family.row_function.compiled(*parts, np.array(eta)[None], phi, order, *out)
    return dict(zip(("value", "score", "curvature", "slope", "information"), out, strict=True))
