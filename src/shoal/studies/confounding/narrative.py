"""What each model assumes, and what it can and cannot identify, in sentences with the table's figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from shoal.criticism.diagnosis import Diagnosis
from shoal.errors import listing
from shoal.estimands import interval_names
from shoal.studies.confounding.estimators import FIXED, LATENT, MULTILEVEL, MUNDLAK, NAIVE
from shoal.studies.confounding.evidence import AGAIN, NO
from shoal.studies.confounding.facts import Facts
from shoal.studies.confounding.question import Question

SMALL = 30  # rows of a group, in the median, below which the bias by its own coefficient is worth a word
NARROW = 0.1  # share of the trait's variance within groups, below which comparing within them costs much


@dataclass(frozen=True)
class Narrative:
    """All that the words are made from.

    Attributes
    ----------
    question : Question
    facts : Facts
    family, trait_family : str
        As they are printed.
    chance : bool
        The outcome's linear predictor is that of a probability, or of the probabilities of categories.
    known_sd : float
        Sd of the fixed effects, NaN without them.
    table, evidence : DataFrame
        As of `Comparison`.
    diagnoses : mapping of str to Diagnosis
    prob : float
    """

    question: Question
    facts: Facts
    trait_family: str
    chance: bool
    known_sd: float
    table: pd.DataFrame
    evidence: pd.DataFrame
    diagnoses: Mapping[str, Diagnosis]
    prob: float


def narrative(t: Narrative) -> dict[str, str]:
    """Return the words for all models together, under the empty name, and for each estimator."""
    own = {
        NAIVE: _naive,
        FIXED: _fixed,
        MULTILEVEL: _multilevel,
        MUNDLAK: _mundlak,
        LATENT: _latent,
    }
    out = {"": _join(_all(t))}
    for name, diagnosis in t.diagnoses.items():
        out[name] = _join([*_doubt(diagnosis), *own[name](t), *_priors_again(t, name)])
    return out


def _join(sentences: list[str]) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _doubt(diagnosis: Diagnosis) -> list[str]:
    """Return what is wrong with the draws, most serious first."""
    errors = [found for found in diagnosis if found.severity == "error"]
    return [f"Do not trust these draws ({errors[0].code}: {errors[0].evidence})"] if errors else []


def _all(t: Narrative) -> list[str]:
    q, f = t.question, t.facts
    lines = [
        f"{q.latent} is what the {f.groups:,} groups of {q.group} differ in and no column measures.",
        f"Every model takes it to be the same in all rows of a group and to add to the linear predictor of "
        f"{q.outcome}; what confounds {q.trait} within groups biases all of them.",
    ]
    z = q.group_trait
    if z is None:
        return lines
    lines.append(f"That {z} has nothing to do with {q.latent} is assumed, and cannot be seen.")
    if z not in q.trait_covariates and f.tied:
        lines.append(
            f"The groups' means of {q.trait} correlate with {z} by {f.correlation:.2f}: if {z} moves "
            f"{q.trait}, the means stand for both, and the latent model needs {z} in trait_covariates."
        )
    return lines


def _naive(t: Narrative) -> list[str]:
    q = t.question
    most = "" if q.group_trait is None else f", that of {q.group_trait} above all"
    return [
        f"Knows no groups. What {q.latent} does to {q.outcome} is taken for an effect of {q.trait} as far as "
        f"{q.trait} goes with {q.latent}.",
        f"Rows of a group count as independent, so that intervals are too narrow{most}.",
    ]


def _fixed(t: Narrative) -> list[str]:
    q, f = t.question, t.facts
    lines = [
        f"Each group has its own coefficient, without pooling: {q.trait} is compared within groups, where it "
        f"has {100 * f.within_share:.0f}% of its variance, and {q.latent} is no part of that.",
        "So small a share makes a wide interval." if f.within_share < NARROW else "",
    ]
    if t.chance and f.median < SMALL:
        lines.append(
            f"With {f.median:g} rows a group (median) so many coefficients push all of them away from 0 "
            "(Neyman and Scott 1948)."
        )
    elif t.chance:
        lines.append(
            f"With {f.median:g} rows a group (median) little is left of the push away from 0 that so many "
            "coefficients give (Neyman and Scott 1948)."
        )
    if f.alike:
        lines.append(f"Groups with all of {q.outcome} at one end, {f.alike} of them, say next to nothing.")
    return [*lines, _known_sd(t)]


def _known_sd(t: Narrative) -> str:
    """Return what fixed effects can say of the group's trait: what was put in."""
    z = t.question.group_trait
    if z is None:
        return ""
    row = t.table.loc[(z, FIXED)]
    found = f"{z} cannot be told from the groups' coefficients: its posterior (sd {_plain(row['sd'])})"
    if row["sd"] >= AGAIN * row["prior_sd"]:
        return f"{found} is its prior over again (sd {_plain(row['prior_sd'])})."
    return (
        f"{found} comes of its prior and of the sd of these coefficients, taken as known "
        f"({_plain(t.known_sd)}); the wider the two, the wider it is."
    )


def _multilevel(t: Narrative) -> list[str]:
    q = t.question
    return [
        f"The groups' effects come from one population and are taken to have nothing to do with {q.trait}.",
        f"Pooling leaves some of {q.latent} to {q.trait}, the more the fewer rows a group has (median "
        f"{t.facts.median:g}).",
        "" if q.group_trait is None else f"It is pooling that leaves room for {q.group_trait}.",
    ]


def _mundlak(t: Narrative) -> list[str]:
    q, f, z = t.question, t.facts, t.question.group_trait
    means = f"a confound, or an effect of the means themselves on {q.outcome}: the rows cannot tell which"
    return [
        f"The groups' means of {q.trait} stand for {q.latent}, which leaves to {q.trait} its effect within "
        "groups.",
        _found(t, MUNDLAK, means),
        f"The means are taken as known: of {f.median:g} rows (median) they are {100 * f.reliability:.0f}% "
        "signal, which draws their coefficient towards 0 and leaves the rest to the groups' sd.",
        f"They correlate with {z} by {f.correlation:.2f}: if {z} moves {q.trait}, both {z} and {q.latent} "
        f"move them, and the coefficient of {z} given them is not its effect; the latent model with {z} in "
        "trait_covariates has that."
        if f.tied
        else "",
    ]


def _latent(t: Narrative) -> list[str]:
    q = t.question
    given = f" given {listing(q.trait_covariates)}" if q.trait_covariates else ""
    return [
        f"Models {q.trait} as well; both responses share {q.latent}, and the error of the means counts.",
        _found(t, LATENT, "a confound"),
        f"It is as good as its model of {q.trait}{given}: {t.trait_family} rows that {q.latent} moves alike "
        f"in every group, and a normal {q.latent} (`fits['{LATENT}'].plot.ppc()` holds it against the rows).",
    ]


def _found(t: Narrative, estimator: str, means: str) -> str:
    """Return the evidence of an estimator, and what it means if it is away from zero."""
    row = t.evidence.loc[estimator]
    low, high = (_plain(row[name]) for name in interval_names(t.prob))
    interval = f"{_plain(row['mean'])} ({100 * t.prob:g}% {low} to {high})"
    what = str(row["quantity"]).capitalize()
    if row["away_from_0"]:
        return f"{what}: {interval}, away from 0: {means}."
    return f"{what}: {interval}: no sign of a confound, which does not rule one out."


def _priors_again(t: Narrative, estimator: str) -> list[str]:
    """Name the effects of which the rows say nothing, but for that which fixed effects never know."""
    lines = []
    for effect in t.question.effects:
        row = t.table.loc[(effect, estimator)]
        if row["identified"] != NO or (estimator, effect) == (FIXED, t.question.group_trait):
            continue
        if row["prior_sd"] == 0:
            lines.append(f"{effect} is fixed by its prior.")
            continue
        lines.append(
            f"Its posterior of {effect} (sd {_plain(row['sd'])}) is the prior over again "
            f"(sd {_plain(row['prior_sd'])}): the rows say next to nothing."
        )
    return lines


def _plain(value: float) -> str:
    return f"{value:.2g}" if abs(value) < 1 else f"{value:.3g}"
