"""What a prior on a standard deviation says about two levels, on the outcome's scale, and about one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from shoal.criticism.implied import Outcome, outcome_of, pairs
from shoal.drawing.picture import Picture
from shoal.drawing.style import COLOURS, new_figure, plain, quiet
from shoal.errors import ModelError, PriorError, listing, nearest
from shoal.families import Rows
from shoal.model import Specification
from shoal.model.design import Group
from shoal.model.predictors import phi_at
from shoal.model.prior_draws import draw_prior
from shoal.priors import Fixed, Prior
from shoal.tables.reduction import SAMPLE

DRAWS = 8000
WIDEST = 5  # times as wide as the narrowest prior needs, the window does not become
LARGEST_RATIO = 1e4


@dataclass(frozen=True)
class Setting:
    """What is multiplied by a standard deviation, a number a draw.

    Attributes
    ----------
    words : str
        The scale of `apart`.
    outcome : Outcome or None
        None: differences of linear predictors.
    base : (S,) array
        Linear predictor without the effect.
    one, other : (S,) array
        Effects of two levels, in units of their standard deviation.
    stretch : (S,) array
        Standard deviation of one level's effect, in units of `sd`: Student-t, zero-sum and related levels.
    rows, phi
        For `Outcome.difference`.
    """

    words: str
    outcome: Outcome | None
    base: np.ndarray
    one: np.ndarray
    other: np.ndarray
    stretch: np.ndarray
    rows: Rows | None = None
    phi: dict[str, np.ndarray] | None = None

    @property
    def ratio(self) -> bool:
        """Whether levels are compared by ratios."""
        return self.outcome is not None and self.outcome.kind == "ratio"

    @property
    def least(self) -> float:
        """The number that says no difference."""
        return 1.0 if self.ratio else 0.0

    def distances(self, most: float) -> np.ndarray:
        """Return the points at which priors are compared, from no difference up to `most`."""
        if self.ratio:
            return np.geomspace(1.0, min(most, LARGEST_RATIO), 201)
        return np.linspace(0.0, most, 201)

    def apart(self, sd: np.ndarray) -> np.ndarray:
        """Return how far two levels are apart under each draw of the standard deviation."""
        if self.outcome is None or self.rows is None or self.phi is None:
            return np.abs(sd * (self.one - self.other))
        return self.outcome.difference(
            self.rows, self.base + sd * self.one, self.base + sd * self.other, self.phi
        )


def sd_prior_implied(
    model: Specification | None = None,
    parameter: str | None = None,
    competing: Mapping[str, Prior] | None = None,
    seed: int = 0,
) -> Picture:
    """Draw what priors of a standard deviation imply; see `ModelPlots.sd_prior_implied`.

    Without a model, the priors in `competing` alone, on the linear predictor's scale.
    """
    rng = np.random.default_rng(seed)
    priors = _checked(competing or {})
    if model is None:
        one, other = rng.normal(size=(2, DRAWS))
        words, title = "difference of linear predictors", "sd"
        setting = Setting(words, None, np.zeros(DRAWS), one, other, np.ones(DRAWS))
    else:
        group, k = _effect_of(model, parameter)
        title = f"{group.sd}[{group.effects[k]}]"
        own = model.priors[title].prior
        priors = {f"{own} (the model's)": own} | priors
        setting = _in_model(model, group, k, rng)
    if not priors:
        raise ModelError(
            "no-prior", "There is no prior.", "competing={'narrow': sl.priors.HalfNormal(0.5)}, for example."
        )
    sds = {name: prior.draw(rng, DRAWS) for name, prior in priors.items()}
    return _picture(title, setting, sds)


def _picture(title: str, setting: Setting, sds: Mapping[str, np.ndarray]) -> Picture:
    figure = new_figure(10.0, 4.2)
    left, right = figure.subplots(1, 2)
    apart = {name: setting.apart(sd) for name, sd in sds.items()}
    levels = {name: sd * setting.stretch for name, sd in sds.items()}
    ends = [float(np.quantile(values, 0.95, method="lower")) for values in apart.values()]
    at = setting.distances(max(min(max(ends), WIDEST * min(ends)), setting.least + 1e-6))
    reach = 5 * max(float(np.median(sd)) for sd in levels.values())
    level_at = np.linspace(-reach, reach, 301)
    tables, peak = [], 0.0
    for i, name in enumerate(sds):
        color, beyond = COLOURS[i % len(COLOURS)], farther(apart[name], at)
        left.plot(at, beyond, color=color, label=plain(name, 60))
        tables.append(pd.DataFrame({"prior": name, "of": "two levels", "value": at, "beyond": beyond}))
        mixture, alike = mixture_of(level_at, levels[name])
        right.semilogy(level_at, mixture, color=color)
        right.semilogy(level_at, alike, color=color, linestyle=":", linewidth=1)
        peak = max(peak, float(alike.max()))
        level = {"prior": name, "of": "one level", "value": level_at, "density": mixture, "normal": alike}
        tables.append(pd.DataFrame(level))
    quiet(left).set(
        xlabel=plain(setting.words, 80), ylabel="share of pairs of levels farther apart", ylim=(0, 1)
    )
    left.set_xscale("log" if setting.ratio else "linear")
    left.legend(frameon=False, fontsize=8)
    quiet(right).set(ylabel="density (log scale)", ylim=(2e-4 * peak, 3 * peak))
    right.set_xlabel(f"deviation of a level ({plain(title, 60)}), linear predictor")
    caption = (
        "Before any data. Left: the share of pairs of levels, taken at random, that are farther apart than "
        f"x ({setting.words}), under each prior of {title}. Right: the deviation of one level from the "
        "population on the linear predictor's scale; averaged over its prior sd it has thicker tails than "
        "the normal with that prior's median sd (dotted)."
    )
    return Picture(figure, pd.concat(tables, ignore_index=True), caption)


def farther(apart: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the share of draws above each point."""
    return 1 - np.searchsorted(np.sort(apart), at, side="right") / len(apart)


def mixture_of(at: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the density of a normal whose sd is drawn, and of the normal with the median sd, (L,) each."""
    sd = np.maximum(sd, 1e-9 * at.max())  # draws of exactly zero have no density
    mixture = norm.pdf(at[:, None], scale=sd).mean(1)
    return mixture, norm.pdf(at, scale=np.median(sd))


def _checked(competing: Mapping[str, Any]) -> dict[str, Prior]:
    for name, prior in competing.items():
        if not isinstance(prior, Prior) or not (prior.support == "positive" or isinstance(prior, Fixed)):
            raise PriorError(
                "prior-not-of-sd",
                f"The prior {name!r} is {prior!r}.",
                "A prior of a standard deviation: HalfNormal, Exponential, HalfCauchy, Gamma, … or Fixed.",
            )
    return dict(competing)


def _effect_of(model: Specification, parameter: str | None) -> tuple[Group, int]:
    """Return the group and the effect whose standard deviation is meant; by default the first."""
    known = {f"{group.sd}[{e}]": (group, k) for group in model.groups for k, e in enumerate(group.effects)}
    if not known:
        raise ModelError(
            "no-grouping-factor",
            "The model has no grouping factor.",
            "A term such as `(1 | group)` in the formula.",
        )
    if parameter is None:
        return next(iter(known.values()))
    found = [name for name in known if name == parameter or name.startswith(f"{parameter}[")]
    if not found:
        raise ModelError(
            "unknown-quantity", f"There is no standard deviation {parameter!r}.", nearest(parameter, known)
        )
    if len(found) > 1:
        raise ModelError(
            "effect-not-named", f"{parameter!r} has {len(found)} effects.", f"One of {listing(found)}."
        )
    return known[found[0]]


def _in_model(model: Specification, group: Group, k: int, rng: np.random.Generator) -> Setting:
    """Return two levels of a group at rows of the table taken at random, all other effects at zero."""
    design, draws, each = model.design_of(group), draw_prior(model, rng, DRAWS), np.arange(DRAWS)
    outcome = outcome_of(model, design)
    model.require_rows("What a prior implies of the rows", SAMPLE)
    at = rng.integers(design.n_rows, size=DRAWS)
    columns = zip(design.columns, design.x.T, strict=True)
    base = design.offset[at] + sum((draws[c] * column[at] for c, column in columns), np.zeros(DRAWS))
    # Effects over their sd: Student-t, zero-sum and correlated levels keep what they are.
    unit = draws[group.r][:, :, k] / draws[group.sd][:, None, k] * group.z[at, k][:, None]
    one, other = pairs(unit.shape[1], DRAWS, rng)
    return Setting(
        outcome.words,
        outcome,
        base,
        unit[each, one],
        unit[each, other],
        _stretch(group, draws, rng),
        design.rows.at(at),
        phi_at(design, draws, at),
    )


def _stretch(group: Group, draws: Mapping[str, np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Return the standard deviation of one level's effect over `sd`, of a level taken at random, (S,)."""
    count = len(group.labels)
    square = np.ones((DRAWS, 1))
    if group.student:  # a normal whose variance is nu over a chi-square of nu degrees of freedom
        nu = draws[group.nu][:, None]
        square = nu / rng.chisquare(nu, size=(DRAWS, 1 if group.root is None else count))
    if group.root is not None:  # r = root @ independent levels
        square = (group.root[rng.integers(count, size=DRAWS)] ** 2 * square).sum(1, keepdims=True)
    if group.zero_sum:  # a level less the mean of all
        square = square * (1 - 1 / count)
    return np.sqrt(square[:, 0])
