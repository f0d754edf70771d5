"""Posteriors by Shoal agree with NUTS on the exported model, in units of Monte Carlo error: each family once.

``python -m pytest tests/export/test_export_agreement.py -s`` prints the largest error of each model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from export_cases import FAMILIES, Case
from scipy.stats import norm

pytest.importorskip("pymc", reason="PyMC is an optional part: pip install 'shoal[pymc]'")
nutpie = pytest.importorskip("nutpie", reason="NUTS for PyMC: pip install nutpie")

pytestmark = [
    pytest.mark.slow,
    # Of a PyTensor installed by pip, which finds no BLAS to call from compiled code.
    pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS:UserWarning"),
    # Of PyMC's own truncated distributions.
    pytest.mark.filterwarnings("ignore:Scan return signature will change:DeprecationWarning"),
]

FALSE_ALARM = 2 * norm.sf(4)  # of one model: 4 errors for a scalar, more for many
ROWS = 80
# Means of a parameter with a long right tail may not exist; those of its logarithm do.
LONG_TAILS = ("shape", "phi", "nu")


def draws_of(posterior: Any, names: list[str]) -> dict[str, np.ndarray]:
    """Return (chains, draws) arrays, one a scalar that is not constant."""
    out = {}
    for name in names:
        values = np.asarray(posterior[name].values, float)
        values = np.log(values) if name in LONG_TAILS else values
        flat = values.reshape(*values.shape[:2], -1)
        out |= {f"{name}[{i}]": flat[..., i] for i in range(flat.shape[-1]) if np.ptp(flat[..., i]) > 0}
    return out


def mean_and_error(draws: np.ndarray) -> tuple[float, float]:
    from arviz_stats.base import array_stats

    return draws.mean(), float(array_stats.mcse(draws, method="mean", chain_axis=0, draw_axis=1))


def scores_of(case: Case, seed: int = 11) -> dict[str, float]:
    """Return the difference of both posterior means of each scalar, in their joint standard error."""
    model = case.model(ROWS)
    ours = model.fit(draws=2000, chains=2, seed=seed, progress=False).tree["posterior"]
    program = nutpie.compile_pymc_model(model.to_pymc())
    theirs = nutpie.sample(
        program, draws=2000, tune=800, chains=2, cores=1, seed=seed, target_accept=0.95, progress_bar=False
    )["posterior"]
    names = [str(name) for name in ours.data_vars]
    scores = {}
    theirs_by_name = draws_of(theirs, names)
    for name, draws in draws_of(ours, names).items():
        (a, a_error), (b, b_error) = mean_and_error(draws), mean_and_error(theirs_by_name[name])
        scores[name] = (a - b) / np.hypot(a_error, b_error)
    return scores


def one_a_family() -> list[Case]:
    return list({case.family.split("(")[0]: case for case in reversed(FAMILIES)}.values())[::-1]


CROSSED = Case("b ~ 1 + (1 | g) + (1 | h)", "bernoulli")


@pytest.mark.parametrize("case", [*one_a_family(), CROSSED], ids=str)
def test_means_agree_with_nuts(case):
    scores = scores_of(case)
    sizes = {name: abs(score) for name, score in scores.items()}
    worst = max(sizes, key=sizes.__getitem__)
    print(f"{case}: worst z {scores[worst]:+.2f} ({worst}) of {len(scores)}")
    limit = norm.isf(FALSE_ALARM / 2 / len(scores))
    assert sizes[worst] < limit, scores
