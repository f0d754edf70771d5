"""What a profile of a standard deviation says: its scores, its verdict, its picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shoal.api import Fit
from shoal.estimands import describe, interval_names
from shoal.scores.compare import FEW
from shoal.scores.loo import Loo
from shoal.studies.pooling.settings import sd_draws

if TYPE_CHECKING:
    from shoal.drawing.picture import Picture


@dataclass(frozen=True, repr=False, eq=False)
class SdProfile:
    """Scores along a fixed standard deviation, and the learned one.

    Attributes
    ----------
    name : str
        The standard deviation, as its prior is called.
    table : pandas.DataFrame
        One row a value ``sd``: ``elpd`` with ``se``, ``p``, ``mcse``; ``elpd_diff`` from the learned model's
        with ``diff_se``; ``from_best``, from that of the grid's best value (0 or less), with
        ``from_best_se``; ``worst_k``.
    learned : Fit
        In which the standard deviation has its prior.
    score : Loo
        Of `learned`.
    scores : dict of float to Loo
        Of each value of the grid.
    prob : float
        Probability of the interval of the learned standard deviation.
    """

    name: str
    table: pd.DataFrame
    learned: Fit
    score: Loo
    scores: dict[float, Loo]
    prob: float

    @property
    def best(self) -> float:
        """The value of the grid with the highest elpd."""
        return float(self.table["elpd"].idxmax())

    @property
    def like_best(self) -> tuple[float, float]:
        """From the least to the largest value of the grid that cannot be told from `best`.

        Its difference is within two standard errors, of the units' scatter and of Monte Carlo together.
        """
        table = self.table
        computed = np.hypot(table["mcse"], table.at[self.best, "mcse"])
        alike = table.index[-table["from_best"] <= 2 * np.hypot(table["from_best_se"], computed)]
        return float(alike.min()), float(alike.max())

    @property
    def draws(self) -> np.ndarray:
        """Draws of the learned standard deviation, (S,)."""
        return sd_draws(self.learned, self.name)

    @property
    def interval(self) -> tuple[float, float]:
        """Equal-tailed interval of the learned standard deviation."""
        about = describe(self.draws, self.prob)
        lower, upper = interval_names(self.prob)
        return about[lower], about[upper]

    @property
    def covers(self) -> bool:
        """Whether that interval holds `best`."""
        return bool(self.interval[0] <= self.best <= self.interval[1])

    @property
    def verdict(self) -> str:
        """Where cross-validation and learning put the standard deviation."""
        low, high = self.interval
        learned = (
            f"Learned, it is {self.draws.mean():.3g}, {100 * self.prob:g}% interval {low:.3g} to {high:.3g}"
        )
        fits = f"elpd {self.score.elpd:.1f}, in one fit in place of {len(self.table)}."
        first, last = self.like_best
        ends = self.table.index[[0, -1]].tolist()
        top = f"{self.best:.3g} (elpd {self.table.at[self.best, 'elpd']:.1f})"
        overlaps = low <= last and first <= high
        if [first, last] == ends:
            beside = "" if overlaps else ", beside the grid: look there"
            return (
                f"Cross-validation says nothing of {self.name} on this grid: no value from {first:.3g} to "
                f"{last:.3g} can be told from the best, {top}. {learned}{beside}; {fits}"
            )
        overlap = "overlaps that range" if overlaps else "lies outside that range"
        told = f"from {first:.3g} to {last:.3g}: values that cannot be told from the best of the grid, {top}"
        if first == last:
            told = f"at {top}: every other value of the grid is worse"
        return (
            f"Cross-validation puts {self.name} {told}.{self._edge(ends)} {learned}, which {overlap}; {fits}"
        )

    def _edge(self, ends: list[float]) -> str:
        """Return the words for a best value, or a range, that the grid cuts off."""
        if self.best in ends:
            return " That is an end of the grid: look beyond it."
        reached = [f"{end:.3g}" for end, own in zip(ends, self.like_best, strict=True) if end == own]
        return f" The range may go on beyond the grid's end, {reached[0]}." if reached else ""

    @property
    def notes(self) -> tuple[str, ...]:
        """What to mind: scores that are not to be relied on, few units."""
        bad = sum(not own.ok for own in self.scores.values())
        out = []
        if bad:
            out.append(
                f"Do not rely on elpd at {bad} of {len(self.table)} values (Pareto k above "
                f"{self.score.good_k:.2f}, or a coarse integral): sd_profile(..., refit=True) fits anew "
                "without such units."
            )
        if not self.score.ok:
            out.append(f"Learned: {self.score.complaint}")
        count = int(self.score.alike.sum())
        if count < FEW:
            out.append(f"{count} units are few: standard errors of differences are too small.")
        return tuple(out)

    def plot(self) -> Picture:
        """Draw the scores along the grid above the posterior of the learned standard deviation."""
        return _picture(self)

    def __str__(self) -> str:
        return "\n".join([self.score.question, self.table.round(3).to_string(), self.verdict, *self.notes])

    def __repr__(self) -> str:
        return str(self)


def _picture(result: SdProfile) -> Picture:
    """Draw elpd along the grid above the posterior of the learned standard deviation, on one axis."""
    from shoal.drawing.picture import Picture
    from shoal.drawing.style import ALONE, FAINT, POOLED, TRUTH, new_figure, plain, quiet
    from shoal.plots.density import density_of
    from shoal.plots.groups import log_axis

    table = result.table
    figure = new_figure(7.0, 5.2)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    low, high = result.interval
    for axes in (above, below):
        quiet(axes).axvspan(low, high, color=FAINT, linewidth=0, zorder=0)
        axes.axvline(result.best, color=TRUTH, linewidth=1, linestyle="--")
    error = table["diff_se"]
    x, y = table.index.to_numpy(), table["elpd"].to_numpy()
    above.fill_between(x, y - error, y + error, color=ALONE, alpha=0.2, linewidth=0)
    above.plot(x, y, "o-", color=ALONE, markersize=4, label="sd fixed")
    above.axhline(result.score.elpd, color=POOLED, linewidth=1.5, label="sd learned")
    first, last = result.like_best
    foot = above.get_xaxis_transform()
    words = "not told from the best"
    above.plot([first, last], [0.03, 0.03], color=TRUTH, linewidth=4, transform=foot, label=words)
    above.set_ylabel(f"elpd, {plain(result.score.unit, 24)}s left out")
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    # Places evenly apart on a logarithmic axis, where draws far below the grid would leave no room for it.
    place = np.geomspace(result.draws.min(), result.draws.max(), 400)
    height = density_of(result.draws, place)
    inside = place >= min(x.min(), low) / 2
    place, height = place[inside], height[inside]
    below.fill_between(place, height, color=POOLED, alpha=0.4, linewidth=0)
    below.set(xlabel=plain(result.name), ylabel="posterior, learned", yticks=[])
    log_axis(below, (1.0, 2.0, 5.0) if max(x.max(), place[-1]) < 200 * place[0] else (1.0,))
    caption = (
        f"Above, elpd of {result.score.unit}s left out with {result.name} fixed (band: one standard error of "
        "the difference from the learned model) and learned (line). Below, the posterior of the learned one; "
        f"grey: its {100 * result.prob:g}% interval. Dashed: the best of the grid; the bar: values that "
        f"cannot be told from it, {first:.3g} to {last:.3g}."
    )
    return Picture(figure, table.reset_index(), caption)
