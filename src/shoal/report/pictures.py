"""Which pictures a page shows of a fit, and in place of which it says why there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from shoal.drawing.picture import Picture
from shoal.estimands import group_of
from shoal.estimands.predictions import LARGEST
from shoal.fit.no_pooling import is_told_alone
from shoal.fit.results import Results
from shoal.plots.caterpillar import caterpillar
from shoal.plots.ppc import compared, simulate
from shoal.plots.prior_posterior import prior_posterior
from shoal.plots.rank import rank
from shoal.plots.shrinkage import shrinkage
from shoal.plots.trace import trace
from shoal.report.drawings import drawing
from shoal.report.effects import kept
from shoal.report.parameters import Parameters
from shoal.report.parts import Part, Sentences

MOST_EFFECTS = 6  # group effects with pictures; of further ones there are tables alone
MOST_FACTORS = 2  # grouping factors whose means are checked one by one
TRACED, RANKED = 4, 8  # parameters whose chains are drawn
SIMULATED = 50  # data sets beside the observed one
TOO_MANY = (
    f"New responses of all {{:,}} rows, from each chain, take more than {LARGEST / 2**30:g} GB. Of some of "
    "the rows they are fit.predict(rows, kind='response')."
)
CONSTANT = "Every parameter is fixed, so there is nothing to draw."


class Pictures:
    """Makes pictures of one fit, and numbers them.

    Parameters
    ----------
    results : Results
    prob : float
        Probability of intervals.
    name : str
        With which the names inside of the pictures begin.
    """

    def __init__(self, results: Results, prob: float, name: str = "figure"):
        self.results, self.prob, self.name = results, prob, name
        self.count = 0

    def _drawn(self, plot: Callable[..., Picture], **options: Any) -> Part:
        return self._placed(plot(self.results, **options))

    def _placed(self, picture: Picture) -> Part:
        self.count += 1
        return drawing(picture, f"{self.name}-{self.count}")

    def priors(self) -> list[Part]:
        """Return priors against posteriors."""
        return [self._drawn(prior_posterior) if self._varies() else Sentences([CONSTANT])]

    def group(self, group: str, effect: str) -> list[Part]:
        """Return what pooling did to levels that rows tell of alone, and the levels in order."""
        which = {"group": group, "effect": effect, "prob": self.prob}
        apart = is_told_alone(*group_of(self.results, group))
        # Levels in order have ranks, of which summaries of each level say nothing.
        drawn = ([shrinkage] if apart else []) + ([caterpillar] if kept(self.results) else [])
        return [self._drawn(draw, **which) for draw in drawn]

    def predictive(self) -> list[Part]:
        """Return responses drawn from the fit beside those observed, row by row and level by level."""
        if not kept(self.results):
            return [Sentences(["The draws of the group effects were not kept, and new responses need them."])]
        if (reduction := self.results.model.table.reduction) is not None:
            return [Sentences([f"New responses are not drawn, for the rows are not in memory: {reduction}."])]
        model, draws = self.results.model, self._affordable()
        if draws < 1:
            return [Sentences([TOO_MANY.format(model.designs[0].n_rows)])]
        every = simulate(self.results, draws, seed=0)
        several = {group.name for group in model.groups if group.weight is not None}
        factors = [factor for factor in model.factors if factor not in several][:MOST_FACTORS]
        return [self._placed(compared(model, every, draws, by=by)) for by in (None, *factors)]

    def _affordable(self) -> int:
        """Return how many data sets can be simulated at once: as many from each chain."""
        model, chains = self.results.model, self.results.posterior.sizes["chain"]
        each = LARGEST // (8 * model.designs[0].n_rows * len(model.designs) * chains)
        return min(SIMULATED, each * chains)

    def chains(self, parameters: Parameters) -> list[Part]:
        """Return the draws in their order, and their ranks among all chains, of what was sampled worst."""
        if not self._varies():
            return [Sentences([CONSTANT])]
        traced, ranked = (parameters.least_sampled(count) for count in (TRACED, RANKED))
        parts = [self._drawn(trace, var_names=traced), self._drawn(rank, var_names=ranked)]
        if len(parameters.scalars) <= TRACED:
            return parts
        return [Sentences(["Those drawn are the parameters of the smallest effective sample sizes."]), *parts]

    def _varies(self) -> bool:
        posterior = self.results.posterior
        return any(np.ptp(posterior[name].values) > 0 for name in self.results.hyperparameters())
