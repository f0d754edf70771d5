"""Tables of all parameters but the group effects: prior beside posterior, and the posterior's accuracy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from markupsafe import Markup

from shoal import estimands
from shoal.fit.results import Results
from shoal.model import Specification
from shoal.model.design import Design
from shoal.model.print import notes_of
from shoal.model.prior_draws import draw_prior
from shoal.priors import Shrunk
from shoal.report.figures import decimals, fixed, interval, percent, short
from shoal.report.mathml import math
from shoal.report.parts import Cell, Table
from shoal.report.symbols import symbols

PRIOR_DRAWS = 4000
MOST_ROWS = 200


@dataclass(frozen=True)
class Scalar:
    """One number of the posterior.

    Attributes
    ----------
    name : str
        As in the pictures and in `Fit.to_frame`: ``sd_district[Intercept]``.
    variable : str
    position : tuple of int
        Within the variable.
    place : int
        Row of `estimands.summary`, which has the same numbers in the same order.
    prior : str
        Name of its prior.
    symbol : Markup
    varies : bool
        It is not fixed.
    """

    name: str
    variable: str
    position: tuple[int, ...]
    place: int
    prior: str
    symbol: Markup
    varies: bool


def scalars(results: Results) -> list[Scalar]:
    """Return all numbers that are no group effects; of correlations each that is estimated."""
    known, out = symbols(results.model), list[Scalar]()
    kept = results.hyperparameters()
    for variable in (v for v in results.model.variables if v.name in kept):
        draws = results.posterior[variable.name].values
        for element in variable.elements():
            labels = ",".join(element.labels)
            name = f"{variable.name}[{labels}]" if labels else variable.name
            where: Any = (..., *element.position)
            varies = bool(np.ptp(draws[where]) > 0)
            position, symbol = element.position, math(known[name])
            out.append(Scalar(name, variable.name, position, len(out), element.prior, symbol, varies))
    return out


class Parameters:
    """All parameters of a fit but the group effects, summarised.

    Parameters
    ----------
    results : Results
    prob : float
        Probability of equal-tailed intervals.
    """

    def __init__(self, results: Results, prob: float):
        self.results, self.prob = results, prob
        self.scalars = scalars(results)
        self.summary = estimands.summary(results, None, prob, "eti")

    def least_sampled(self, count: int) -> list[str]:
        """Return the names of those of the smallest effective sample sizes, in the order of the tables."""
        ess = self.summary[["ess_bulk", "ess_tail"]].min(axis=1).to_numpy()
        varying = [s for s in self.scalars if s.varies]
        worst = {s.name for s in sorted(varying, key=lambda s: ess[s.place])[:count]}
        return [s.name for s in varying if s.name in worst]

    def accuracy(self) -> Table:
        """Return mean, sd, interval, Monte Carlo error, effective sample size and R-hat of each."""
        rows = [self._accuracy_row(scalar) for scalar in self.scalars[:MOST_ROWS]]
        tail = 50 * (1 - self.prob)
        ends = f"{tail:.3g}%", f"{100 - tail:.4g}%"
        columns = ["Parameter", "Symbol", "Mean", "SD", *ends, "MCSE", "ESS bulk", "ESS tail", "R-hat"]
        caption = (
            f"Posterior of every parameter but the group effects: mean, standard deviation and equal-tailed "
            f"{100 * self.prob:g}% interval, with as many digits as the Monte Carlo standard error of the "
            "mean (MCSE) leaves standing; effective sample size (ESS) and R-hat after Vehtari and others "
            "(2021)."
        )
        return Table(caption + self._rest("fit.summary()"), columns, rows, words=2)

    def _accuracy_row(self, scalar: Scalar) -> list[Cell]:
        line = self.summary.iloc[scalar.place].astype(float)
        if not scalar.varies:
            return [scalar.name, scalar.symbol, short(line["mean"]), "fixed", *["–"] * 6]
        places = decimals(line["mcse_mean"])
        bounds = estimands.interval_names(self.prob)
        return [
            scalar.name,
            scalar.symbol,
            *(fixed(line[column], places) for column in ("mean", "sd", *bounds)),
            short(line["mcse_mean"]),
            fixed(line["ess_bulk"], 0),
            fixed(line["ess_tail"], 0),
            fixed(line["r_hat"], 3),
        ]

    def priors(self) -> Table:
        """Return each one's prior, its interval, the posterior's, and how much narrower that is."""
        model, share = self.results.model, f"{100 * self.prob:g}%"
        draws = draw_prior(_one_level(model), np.random.default_rng(0), PRIOR_DRAWS)
        rows = [self._prior_row(scalar, draws) for scalar in self.scalars[:MOST_ROWS]]
        caption = (
            f"What was assumed and what was found. Intervals are equal-tailed and hold {share}; those of "
            f"priors are from {PRIOR_DRAWS:,} draws. The last column says how much narrower the posterior's "
            "is: near zero, the data say little and the prior decides."
        )
        columns = ["Parameter", "Symbol", "Prior", f"Prior {share}", f"Posterior {share}", "Narrower by"]
        return Table(caption + self._rest("print(fit.model)"), columns, rows, words=3)

    def _prior_row(self, scalar: Scalar, draws: Mapping[str, np.ndarray]) -> list[Cell]:
        where: Any = (..., *scalar.position)
        before = self._ends(draws[scalar.variable][where])
        after = self._ends(self.results.posterior[scalar.variable].values[where])
        head = [scalar.name, scalar.symbol, _prior_words(self.results.model, scalar)]
        if before[0] == before[1]:
            return [*head, short(before[0]), "fixed", "–"]
        learnt = 1 - (after[1] - after[0]) / (before[1] - before[0])
        return [*head, interval(*before), interval(*after), percent(learnt) if learnt > 0 else "wider"]

    def _ends(self, draws: np.ndarray) -> tuple[float, float]:
        low, high = np.quantile(draws, [(1 - self.prob) / 2, (1 + self.prob) / 2])
        return float(low), float(high)

    def _rest(self, where: str) -> str:
        count = len(self.scalars)
        return f" The first {MOST_ROWS:,} of {count:,}; all are in {where}." if count > MOST_ROWS else ""


def _prior_words(model: Specification, scalar: Scalar) -> str:
    """Return a prior as printed, with what is special about it."""
    given = model.priors[scalar.prior]
    variable = next(v for v in model.variables if v.name == scalar.variable)
    shrunk = [f"with {model.priors[f'{variable.prefix}b'].prior}"] if isinstance(given.prior, Shrunk) else []
    return ", ".join([str(given.prior), *shrunk, *notes_of(model, variable, given)])


def _one_level(model: Specification) -> Specification:
    """Return the model with one level of each factor: its parameters have the same priors."""

    def one(part: Design) -> Design:
        first = np.zeros(part.n_rows, np.int64)
        groups = tuple(replace(g, labels=g.labels[:1], index=first, root=None) for g in part.groups)
        latents = tuple(replace(t, labels=t.labels[:1], index=first) for t in part.latents)
        return replace(part, groups=groups, latents=latents)

    return replace(model, designs=tuple(design.changed(one) for design in model.designs))
