"""A table of what the priors imply, beside the data.

Every statement about the outcome is a statistic of rows simulated from the priors. Where the data have the
same statistic it stands beside it, with the probability of anything as far out: a prior that the data
contradict shows itself there. Box (1980), J. Roy. Statist. Soc. A 143, 383-430; Evans and Moshonov (2006),
Bayesian Analysis 1, 893-914.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from shoal.criticism.implied.outcome import outcome_of
from shoal.criticism.implied.statistics import Statement, between_levels, of_rows
from shoal.estimands import interval_names
from shoal.estimands.predictions import check_integer
from shoal.estimands.predictive import as_dataset
from shoal.estimands.scalars import scalars
from shoal.estimands.table import Estimates
from shoal.model import Specification
from shoal.model.print import notes_of
from shoal.model.prior_draws import draw_prior
from shoal.model.terms.variable import Variable
from shoal.tables.reduction import SAMPLE

FAR = 0.01  # tail probability below which data are far outside of what the priors say
FEWEST = 100  # draws that can say so: of fewer, the data are the outermost by chance too often
LARGEST = 2**27  # numbers simulated for the rows of one response: draws times rows
Draws = Mapping[str, np.ndarray]


# On which scale the variables of a kind are.
ETA = "linear predictor ({link})"
SCALES = {"coefficient": ETA, "cutpoints": ETA, "sd": ETA, "loading": ETA}
SCALES |= {"imputed": ETA, "unknown": "the response's own"}
SCALES |= {"scale": "relative to the residual", "correlation": "correlation", "residual": "correlation"}
SCALES |= {"degrees": "degrees of freedom", "family": "the family's"}
SCALES |= {
    "sds": ETA,
    "monotonic": ETA,
    "simplex": "share",
    "share": "share",
    "lengthscale": "units of its predictor",
}


def prior_summary(model: Specification, draws: int = 2000, seed: int = 0, prob: float = 0.9) -> pd.DataFrame:
    """Return a table of what the priors imply, a row a quantity; see `Model.prior_summary`.

    ``attrs`` has the number of draws, and as ``row_draws`` that of data sets whose rows were simulated: fewer
    where the rows are so many that draws times rows would pass 2^27. Of fewer than 100 of them no row is
    flagged as far from the data.

    Raises
    ------
    ModelError
        Draws, seed or probability out of range.
    """
    check_integer("draws", draws, 1)
    check_integer("seed", seed, 0)
    lower, upper = interval_names(prob)
    rng = np.random.default_rng(seed)
    prior = draw_prior(model, rng, draws)
    model.require_rows("What the priors imply of the responses", SAMPLE)
    row_draws = min(draws, max(1, LARGEST // model.designs[0].n_rows))
    rows = []
    for s in [*_parameters(model, prior, draws), *_outcomes(model, prior, draws, row_draws, rng)]:
        # "lower" interpolates nothing: between two infinities there is no number.
        bounds = np.quantile(s.values, [0.5, (1 - prob) / 2, (1 + prob) / 2], method="lower")
        tail = tail_of(s.values, s.observed)
        flag = s.flag
        if tail < FAR and len(s.values) >= FEWEST:
            flag = f"the data lie outside the central {1 - FAR:.0%} of what the priors say"
        rows.append((s.about, s.quantity, s.prior, s.scale, *bounds, s.observed, tail, flag))
    columns = ["about", "quantity", "prior", "scale", "median", lower, upper, "observed", "tail", "flag"]
    table = Estimates(rows, columns=columns).set_index(["about", "quantity"])
    table.attrs = {"draws": draws, "row_draws": row_draws, "seed": seed}
    return table


def tail_of(values: np.ndarray, observed: float) -> float:
    """Return the two-sided probability of draws as far out as what was observed; NaN where nothing was."""
    if np.isnan(observed):
        return np.nan
    return float(min(1.0, 2 * min((values <= observed).mean(), (values >= observed).mean())))


def _outcomes(
    model: Specification, prior: Draws, draws: int, row_draws: int, rng: np.random.Generator
) -> Iterator[Statement]:
    for design in model.designs:
        outcome = outcome_of(model, design)
        yield from of_rows(outcome, prior, row_draws, rng)
        yield from between_levels(outcome, prior, draws, rng)


def _parameters(model: Specification, prior: Draws, draws: int) -> Iterator[Statement]:
    """Yield every parameter but those with one value a level."""
    own = [variable for variable in model.variables if not variable.many]
    dataset = as_dataset(model, {v.name: prior[v.name] for v in own}, draws)
    for variable in own:
        scale = SCALES[variable.kind].format(link=_link(model, variable))
        found = scalars(dataset, [variable.name], model)
        for element, (label, values) in zip(variable.elements(), found, strict=True):
            resolved = model.priors[element.prior]
            notes = notes_of(model, variable, resolved)
            text = f"{resolved.prior} ({', '.join(notes)})" if notes else str(resolved.prior)
            yield Statement("parameter", label, text, scale, values.ravel())


def _link(model: Specification, variable: Variable) -> str:
    return next(design.family.link for design in model.parts if design.prefix == variable.prefix)
