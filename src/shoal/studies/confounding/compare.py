"""Five models of one table, two effects: fit them and say what each can tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

from shoal.errors import ModelError, PriorError, listing, meant
from shoal.estimands import interval_names
from shoal.families import Family, get_family
from shoal.priors import Prior
from shoal.studies.confounding.comparison import Comparison, compared
from shoal.studies.confounding.estimators import ESTIMATORS
from shoal.studies.confounding.models import Kinds, models_of
from shoal.studies.confounding.question import Question, asked


def compare(
    data: Any,
    outcome: str,
    trait: str,
    group: str,
    group_trait: str | None = None,
    *,
    family: str | Family = "bernoulli",
    link: str | None = None,
    trials: str | None = None,
    trait_family: str | Family = "gaussian",
    covariates: Sequence[str] = (),
    trait_covariates: Sequence[str] | None = None,
    priors: Mapping[str, Prior] | None = None,
    truth: Mapping[str, float] | None = None,
    estimators: Sequence[str] | str = ESTIMATORS,
    draws: int = 1000,
    chains: int = 4,
    seed: int = 1,
    prob: float = 0.9,
    cores: int | None = None,
    progress: bool | None = None,
) -> Comparison:
    """Fit five models of a trait's effect where groups may confound it, and say what each identifies.

    Groups differ in something, u, that nobody measured. If u moves both the trait x of a group's members and
    their outcome y, a regression of y on x takes part of u's effect for that of x. With z a trait of the
    groups that was measured, the models are:

    ==================  ====================================================================================
    naive               ``y ~ x + z``
    fixed effects       ``y ~ x + z + (1 | g)`` without pooling: ``Model.with_pooling("none", sd=10)``
    multilevel          ``y ~ x + z + (1 | g)``
    Mundlak             ``y ~ x + z + group_mean(x, g) + (1 | g)``
    latent Mundlak      ``x ~ latent(u | g)`` and ``y ~ x + z + (1 | g) + latent(u | g)``
    ==================  ====================================================================================

    Parameters
    ----------
    data : DataFrame or path
        Any table that `Model` reads.
    outcome, trait, group, group_trait : str
        Columns y, x, g and z. x and z are numbers; z has one value in all rows of a group, and may be left
        out. Names that a formula cannot write as they are need no backticks here.
    family, link
        Of the outcome.
    trials : str, optional
        Column of the trials of a binomial outcome.
    trait_family : str or Family
        Of the trait, in the latent model.
    covariates : sequence of str
        Further predictors of the outcome, in all models.
    trait_covariates : sequence of str, optional
        Predictors of the trait in the latent model, by default `covariates`. The group's trait belongs here
        if it moves x.
    priors : mapping, optional
        By the names of a model of the outcome alone: ``"b"``, ``"x"``, ``"group_mean(x, g)"``,
        ``"Intercept"``, ``"sd"``, … Each holds in all models that have such a parameter; in the latent one it
        is the outcome's, and priors of the trait's own model begin with the trait: ``"x_Intercept"``,
        ``"x_sigma"``, ``"x_loading_u"``.
    truth : mapping, optional
        True effects by column, ``{"x": 1.0, "z": -0.5}``; by default those that a simulation has left in
        ``data.attrs["truth"]`` as ``y_x`` and ``y_z``.
    estimators : sequence of str
        Some of the five names above.
    draws, chains, seed, cores, progress
        As in `Model.fit`, the same for all models.
    prob : float
        Probability of the intervals, which the column names state.

    Returns
    -------
    Comparison
        ``.table``, ``.evidence`` of a confound, ``.words``, ``.fits`` and ``.plot()``; printed, the table and
        the words.

    Raises
    ------
    DataError
        Unknown or incomplete columns, traits that are no numbers, a `group_trait` that varies within groups,
        a trait that varies within none of them, one group, groups of one row each.
    ModelError
        Unknown estimators, a column in two parts, a truth of what is not estimated, impossible settings.
    FormulaError, PriorError, SamplingError
        As `Model` and `Model.fit`.

    Notes
    -----
    Where the outcome is 0 or 1, or a number of successes, the slopes of x, its group mean and z have the
    lecture's Normal(0, 1) priors in units of the table: log odds by standard deviation of x within groups,
    and of z between them (both 1 in the lecture); fixed effects have its sd of 10. Other parameters, and
    other families, have the defaults of `Model`, and of `Model.with_pooling` for the fixed effects.

    References
    ----------
    McElreath, R. (2023). Statistical Rethinking 2023, lecture 12, bonus: random confounds.

    Mundlak, Y. (1978). On the pooling of time series and cross section data. Econometrica 46, 69-85.

    Neyman, J. and Scott, E. (1948). Consistent estimates based on partially consistent observations.
    Econometrica 16, 1-32.

    Examples
    --------
    >>> table = sl.simulate.confounded_groups(groups=20, rows=200)
    >>> comparison = sl.confounding.compare(table, "y", "x", "g", "z", draws=200)
    >>> print(comparison.table.round(2).to_string())
                               mean    sd  eti90_lb  eti90_ub  prior_sd  truth  error  holds_truth ...
    effect estimator
    x      naive               1.2...
           fixed effects       1...
           multilevel          1...
           Mundlak             0.9...
           latent Mundlak      0.9...
    z      naive  ...
    >>> comparison.fits["multilevel"]
    <shoal.Fit 'y ~ x + z + (1 | g)': 4 chains of 200 draws>
    """
    interval_names(prob)
    names = _estimators(estimators)
    question = asked(data, outcome, trait, group, group_trait, trials, covariates, trait_covariates, names)
    known = _truth(truth, data, question)
    models = models_of(question, Kinds(family, link, trait_family), names, _priors(priors))
    fits = {
        name: model.fit(draws, chains, seed, cores=cores, progress=progress) for name, model in models.items()
    }
    return compared(question, fits, str(get_family(trait_family)), known, prob)


def _estimators(given: Any) -> tuple[str, ...]:
    several = isinstance(given, Iterable) and not isinstance(given, str)
    names: tuple[Any, ...] = tuple(given) if several else (given,)
    for name in names:
        if name not in ESTIMATORS:
            raise ModelError(
                "unknown-choice",
                f"There is no estimator {name!r}.",
                f"Some of {listing(map(repr, ESTIMATORS))}.",
                meant(str(name), ESTIMATORS),
            )
    if not names:
        raise ModelError(
            "nothing-named", "No estimators are named.", f"Some of {listing(map(repr, ESTIMATORS))}."
        )
    return tuple(dict.fromkeys(names))


def _priors(given: Any) -> Mapping[str, Prior]:
    if given is not None and not isinstance(given, Mapping):
        raise PriorError(
            "priors-not-named",
            f"The priors are of type {type(given).__name__}.",
            "A mapping from names.",
            "priors={'b': sl.priors.Normal(0, 1)}.",
        )
    return given or {}


def _truth(given: Any, data: Any, question: Question) -> dict[str, float]:
    """Return the true effects: those given, or what a simulation has left with the table."""
    if given is None:
        left = getattr(data, "attrs", {}).get("truth")
        left = left if isinstance(left, Mapping) else {}
        names = {effect: f"{question.outcome}_{effect}" for effect in question.effects}
        return {effect: left[name] for effect, name in names.items() if _is_number(left.get(name))}
    if not isinstance(given, Mapping):
        raise ModelError(
            "truth-unreadable",
            f"The truth is of type {type(given).__name__}.",
            "A mapping from columns.",
            "truth={'x': 1.0}.",
        )
    for effect, value in given.items():
        if effect not in question.effects:
            raise ModelError(
                "unknown-truth",
                f"The truth of {effect!r} is given, which is not compared.",
                f"Of {listing(map(repr, question.effects))}.",
            )
        if not _is_number(value):
            raise ModelError("truth-unreadable", f"The truth of {effect!r} is {value!r}.", "A number.")
    return {effect: float(given[effect]) for effect in question.effects if effect in given}


def _is_number(value: Any) -> bool:
    number = isinstance(value, Real) and not isinstance(value, bool)
    return number and math.isfinite(float(value))
