"""R2 of rows that are predicted without themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr

from shoal.engine.progress import Progress
from shoal.errors import ModelError, listing
from shoal.estimands.common import INTERVAL
from shoal.estimands.r2 import R2, explained, r2
from shoal.fit.many import Where
from shoal.fit.results import Results
from shoal.fit.row_blocks import blocks
from shoal.scores.loo import loo

LOO = "loo"
NOTE = (
    "Loo: 1 minus the ratio of the variance of errors to that of responses, each row predicted from all "
    "others, the effects of its levels as these tell them; draws are those of a Bayesian bootstrap of rows."
)


def r2_with_loo(
    results: Results,
    response: str | None = None,
    prob: float = INTERVAL,
    refit: bool = False,
    cores: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
    at: Where | None = None,
) -> R2:
    """Return R2 with that of rows left out as one more part; see `Fit.r2`.

    Raises
    ------
    ModelError
    """
    design = explained(results, response)
    if len(results.model.designs) > 1:
        raise ModelError(
            "several-responses",
            "Rows with several responses are left out together.",
            "loo=True needs a model of one response.",
            "r2(response=...) without it has the R2 of each response.",
        )
    if not design.rows.observed.all():
        raise ModelError(
            "responses-censored",
            "Some responses are censored: their errors are not known.",
            "loo=True needs responses that are observed.",
            "fit.loo() scores censored rows by the probability of what is known.",
        )
    found = r2(results, response, prob)
    score = loo(results, "row", refit, cores, progress, at)
    y = np.asarray(design.rows.y, float) / np.asarray(design.rows.trials, float)
    weight = np.asarray(design.rows.weight, float)
    predicted = score.pointwise["predicted"].to_numpy()  # of the rows that have weight
    there = weight > 0
    rng = np.random.default_rng(seed)
    chains, count = found.draws.sizes["chain"], found.draws.sizes["draw"]
    values = bootstrap(rng, y[there], predicted, weight[there], chains * count)
    more = xr.DataArray(
        values.reshape(chains, count, 1), {**found.draws.coords, "part": [LOO]}, ("chain", "draw", "part")
    )
    unreliable = ""
    if not score.ok:
        unreliable = (
            f"Loo is unreliable: importance sampling fails for {len(score.bad):,} of {there.sum():,} rows "
            f"({listing(score.bad)}). refit=True fits anew without each of these."
        )
    draws, notes = xr.concat([found.draws, more], "part"), (*found.notes, NOTE)
    return replace(found, draws=draws, notes=notes, unreliable=unreliable)


def bootstrap(
    rng: np.random.Generator, y: np.ndarray, predicted: np.ndarray, weight: np.ndarray, draws: int
) -> np.ndarray:
    """Return draws of ``1 - V(y - predicted) / V(y)`` over rows, (draws,).

    Rows count by Dirichlet variables, of a row of weight 1 by an exponential one over the sum of all (Rubin
    1981, Annals of Statistics 9, 130-134): that makes no assumption about the responses.
    """
    out, error = np.empty(draws), y - predicted
    columns = np.stack([y - y.mean(), error - error.mean()], axis=1)
    for some in blocks(draws, len(y)):
        share = rng.standard_gamma(weight, (some.stop - some.start, len(y)))
        share /= share.sum(1, keepdims=True)
        of_y, of_error = (share @ columns**2 - (share @ columns) ** 2).T
        out[some] = 1 - of_error / of_y
    return out
