"""What a comparison returns: a table of effects, the fits behind it, evidence of a confound, and words."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from shoal.api import Fit
from shoal.criticism.diagnosis import Diagnosis
from shoal.errors import listing
from shoal.estimands import Estimates, describe, interval_names, linear_scale
from shoal.priors import Fixed
from shoal.studies.confounding.estimators import FIXED
from shoal.studies.confounding.evidence import evidence_of, identified, prior_sd
from shoal.studies.confounding.facts import facts_of
from shoal.studies.confounding.models import coefficient, outcome_design
from shoal.studies.confounding.narrative import Narrative, narrative
from shoal.studies.confounding.priors import is_chance
from shoal.studies.confounding.question import Question

if TYPE_CHECKING:
    from shoal.drawing.picture import Picture

WIDTH = 110  # characters of a line of words


@dataclass(frozen=True, repr=False)
class Comparison:
    """Several models of one table, and what each says of the same two effects.

    Attributes
    ----------
    table : Estimates
        One row an effect and estimator:

        * ``mean``, ``sd`` and the equal-tailed interval of the effect of one unit, on the scale of the linear
          predictor.
        * ``prior_sd``: of the effect, 0 where the prior fixes it, missing where it has none of its own.
        * ``truth``, ``error`` (mean less truth), ``holds_truth`` (the interval does): where a truth is known;
          missing for an effect whose truth is not.
        * ``identified``: "yes"; "no", if the posterior is the prior over again or comes of assumptions alone;
          "confounded", if the evidence says that there is a confound, else "unless confounded"; "unless
          groups differ" in more than the group's trait, of which the naive model knows nothing; "unless z
          moves x", where the groups' means of x go with z and the model takes them for a sign of the confound
          alone (Mundlak's, and the latent one without z in `trait_covariates`).
    evidence : Estimates
        One row for each estimator that would see a confound: ``quantity`` (in Mundlak's model the trait's
        effect between groups less that within them, in the latent one the product of the latent's loadings),
        ``mean``, ``sd``, the interval, and ``away_from_0``: the interval leaves zero out.
    fits : dict of str to Fit
        By estimator.
    diagnoses : dict of str to Diagnosis
        Of the fits.
    words : dict of str to str
        What each model assumes, and what it can and cannot identify in this table. Under the empty name what
        holds for all of them.
    coefficients : dict of str to dict of str to str
        By effect and estimator: what the effect is called in the fit.
    truth : dict of str to float
        By effect.
    prob : float
        Probability of the intervals.
    """

    table: pd.DataFrame
    evidence: pd.DataFrame
    fits: dict[str, Fit]
    diagnoses: dict[str, Diagnosis]
    words: dict[str, str]
    coefficients: dict[str, dict[str, str]]
    truth: dict[str, float]
    prob: float

    @property
    def trustworthy(self) -> bool:
        """Whether the draws of all fits can be trusted."""
        return all(diagnosis.trustworthy for diagnosis in self.diagnoses.values())

    def plot(self) -> Picture:
        """Draw the intervals of the effects, a panel an effect, a row an estimator; green: the truth.

        Returns
        -------
        Picture
            ``numbers`` as of `shoal.plots.forest`. The caption names fits that cannot be trusted.
        """
        from shoal.plots import forest

        panels = {effect: list(dict.fromkeys(names.values())) for effect, names in self.coefficients.items()}
        picture = forest(self.fits, panels, truth=self.truth, prob=self.prob)
        if self.trustworthy:
            return picture
        doubted = listing(name for name, found in self.diagnoses.items() if not found.trustworthy)
        return replace(picture, caption=f"{picture.caption} Draws that cannot be trusted: {doubted}.")

    def __str__(self) -> str:
        told = [f"{name}: {text}" if name else text for name, text in self.words.items()]
        lines = [textwrap.fill(text, WIDTH, subsequent_indent="  ") for text in told]
        return "\n".join([repr(self.table.round(2)), "", *lines])

    def __repr__(self) -> str:
        return f"<shoal.confounding.Comparison of {len(self.fits)} models: {listing(self.fits)}>"


def compared(
    question: Question, fits: dict[str, Fit], trait_family: str, truth: dict[str, float], prob: float
) -> Comparison:
    """Return the comparison of fitted models."""
    diagnoses = {name: fit.diagnose() for name, fit in fits.items()}
    evidence = evidence_of(question, fits, prob)
    coefficients = {
        effect: {name: coefficient(question, fit.model, effect) for name, fit in fits.items()}
        for effect in question.effects
    }
    away = any(found and diagnoses[name].trustworthy for name, found in evidence["away_from_0"].items())
    design = outcome_design(question, next(iter(fits.values())).model)
    facts, family = facts_of(question, design), design.family
    rows: dict[tuple[str, str], dict[str, float | str]] = {}
    for effect, names in coefficients.items():
        for name, own in names.items():
            row = _estimated(fits[name], own, prob)
            ratio = row["sd"] / row["prior_sd"] if row["prior_sd"] else 1.0
            worth = identified(name, effect, question, ratio, away, facts.tied)
            rows[effect, name] = {**row, "identified": worth}
    table = _with_truth(_table(question, rows, fits), truth, prob)
    chance = is_chance(family) or family.categorical
    words = narrative(
        Narrative(question, facts, trait_family, chance, _known_sd(fits), table, evidence, diagnoses, prob)
    )
    return Comparison(table, evidence, fits, diagnoses, words, coefficients, truth, prob)


def _known_sd(fits: Mapping[str, Fit]) -> float:
    """Return the sd that fixed effects take as known, NaN if there are none."""
    if FIXED not in fits:
        return float("nan")
    group = fits[FIXED].model.specification.groups[0]
    prior = fits[FIXED].model.priors[f"{group.sd}[Intercept]"]
    return prior.value if isinstance(prior, Fixed) else float("nan")


def _estimated(fit: Fit, name: str, prob: float) -> dict[str, float]:
    """Return an estimate, and the sd of its prior."""
    return {
        **describe(fit.results.posterior[name].values, prob),
        "prior_sd": float(prior_sd(fit.model.priors[name])),
    }


def _table(
    question: Question, rows: Mapping[tuple[str, str], Mapping[str, float | str]], fits: Mapping[str, Fit]
) -> Estimates:
    index = pd.MultiIndex.from_tuples(list(rows), names=["effect", "estimator"])
    table = Estimates(list(rows.values()), index=index)
    design = outcome_design(question, next(iter(fits.values())).model)
    table.attrs = {
        "scale": f"{linear_scale(design)}, for one unit of {' or '.join(question.effects)}",
        "population": f"the {len(question.labels):,} groups of {question.group} that were fitted, "
        f"{design.n_rows:,} rows",
    }
    return table


def _with_truth(table: Estimates, truth: Mapping[str, float], prob: float) -> Estimates:
    """Add truth, error and whether the interval holds the truth, before the last column; nothing without."""
    if not truth:
        return table
    lower, upper = interval_names(prob)
    known = np.array([truth.get(effect, np.nan) for effect in table.index.get_level_values("effect")])
    holds = pd.array((table[lower] <= known) & (known <= table[upper]), dtype="boolean")
    holds[np.isnan(known)] = pd.NA
    columns = {"truth": known, "error": table["mean"] - known, "holds_truth": holds}
    for name, values in columns.items():
        table.insert(table.shape[1] - 1, name, values)
    return table
