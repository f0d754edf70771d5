"""Formula and table to a design, refusing what cannot be fitted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from shoal.errors import ModelError, ShoalWarning
from shoal.families import Family, Rows, get_family
from shoal.families.parameter import Parameter
from shoal.formula import design_matrix, evaluate
from shoal.formula.terms import Expression, Formula
from shoal.formula.text_values import measured, recoded
from shoal.model import checks
from shoal.model.build_curves import curves_of
from shoal.model.build_factors import groups_of, latents_of
from shoal.model.design import Design
from shoal.model.scatter import scatter
from shoal.tables import Table

RESERVED = {"chain", "draw", "row", "category", "cutpoint"}  # dimensions of a result


def build(
    formula: Formula,
    table: Table,
    family: Family,
    *,
    predictors: Mapping[str, Formula] | None = None,
    prefix: str = "",
    covariances: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> Design:
    """Return the design of `formula` on `table`, refusing what `family` cannot use.

    Parameters
    ----------
    predictors : mapping of str to Formula
        Of the family's parameters.
    prefix : str
        In front of every posterior name of this response.
    covariances : mapping of str to (G, G) matrices
        Known covariances between levels that the formula names.
    quiet : bool
        Leave out warnings, for a model that was built before.

    Raises
    ------
    DataError
        Missing or infinite values, values outside the family's support, constant or dependent columns,
        factors of one level.
    ModelError
        Additions the family does not take or lacks, predictors of parameters that it does not have.
    """
    predictors = predictors or {}
    columns = tuple(dict.fromkeys(c for f in (formula, *predictors.values()) for c in f.columns))
    table = table.select(columns)
    table.check_complete(columns)
    frame = table.frame
    family = _of_single_trials(formula, frame, family)
    checks.additions(formula, family)
    family, rows, categories = _response(formula, frame, family)
    family.check(rows, formula.response.value.text)
    family.check(Rows(*(np.asarray(part)[rows.weight > 0] for part in rows)), formula.response.value.text)
    checks.predictors(predictors, formula, family)
    design = _predictor(formula, frame, family, rows, prefix, covariances or {}, quiet)
    parts = []
    for name in (name for name in design.parameters if name in predictors):
        parameter = Parameter(name, family.parameter_prior(name, design.counting.rows))
        parts.append(
            _predictor(predictors[name], frame, parameter, rows, f"{prefix}{name}_", covariances or {}, quiet)
        )
    design = replace(design, categories=categories, predictors=tuple(parts))
    for part in design.counting.parts:
        checks.columns(part)
    for remark in [] if quiet else checks.remarks(design, frame):
        warnings.warn(str(remark), ShoalWarning, stacklevel=2)
    return design


def _predictor(
    formula: Formula,
    frame: pd.DataFrame,
    family: Family,
    rows: Rows,
    prefix: str,
    covariances: Mapping[str, Any],
    quiet: bool,
) -> Design:
    """Return the design of one linear predictor."""
    population = design_matrix(formula.population, frame)
    keep = np.array([not (family.ordinal and name == "Intercept") for name in population.names], bool)
    if family.ordinal and keep.all():
        raise ModelError(
            f"The formula has no intercept (`0 +`), and family {family.name!r} has cutpoints.",
            "A formula with its intercept: the cutpoints take its place.",
            "Remove `0 +` (or `- 1`).",
        )
    weight = rows.weight * rows.trials
    curves = curves_of(formula.curves, frame, weight, prefix)
    terms = tuple(name for name, k in zip(population.names, keep, strict=True) if k)
    terms += tuple(name for curve in curves for name in curve.population_names)
    reserved = {"Intercept", "cutpoints"} | set(family.parameters(False, False))
    offset = sum((_numbers(o, frame) for o in formula.offsets), np.zeros(len(frame)))
    x = np.concatenate([population.values[:, keep], *(curve.population for curve in curves)], axis=1)
    averages = np.average(x, axis=0, weights=weight)
    return Design(
        formula=formula,
        family=family,
        rows=rows,
        offset=offset,
        x=x,
        terms=terms,
        columns=_posterior_names(terms, formula, family, prefix),
        groups=groups_of(formula.groups, frame, reserved, prefix, covariances, weight, quiet),
        latents=latents_of(formula.latents, frame, prefix),
        curves=curves,
        spec=population.spec,
        averages=averages,
        scatter=scatter(x, averages, weight),
        prefix=prefix,
    )


def _of_single_trials(formula: Formula, frame: pd.DataFrame, family: Family) -> Family:
    """Return bernoulli for a binomial family whose rows, without trials, are all 0 or 1."""
    if family.name != "binomial" or formula.response.trials is not None:
        return family
    single = np.isin(_numbers(formula.response.value, frame, recoded), (0, 1)).all()
    return get_family("bernoulli", family.link) if single else family


def _numbers(
    expression: Expression, frame: pd.DataFrame, remedy: Callable[[str, list], str] = measured
) -> np.ndarray:
    # Any column says how many rows there are, for an expression that names none: trials(10).
    columns = {name: frame[name].to_numpy() for name in expression.columns or frame.columns[:1]}
    values = np.asarray(evaluate(expression, columns))
    checks.numeric(expression.text, values, remedy)
    return np.broadcast_to(values.astype(float), (len(frame),)).copy()


def _response(formula: Formula, frame: pd.DataFrame, family: Family) -> tuple[Family, Rows, tuple[Any, ...]]:
    r, n = formula.response, len(frame)
    trials, weight, se = additions(formula, frame)
    if not family.ordinal:
        y = _numbers(r.value, frame, recoded)
        if r.se:
            checks.standard_errors(r.se.text, se, y, r.se_sigma)
        return family, Rows(y, trials, weight, se), ()
    alone = len(r.value.columns) == 1 and r.value.text.strip("`") == r.value.columns[0]
    values = frame[r.value.columns[0]] if alone else _numbers(r.value, frame, recoded)
    codes, labels = family.encode(values, r.value.text)
    return family.with_categories(len(labels)), Rows(codes, np.ones(n), weight, se), labels


def additions(formula: Formula, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return trials, weights and standard errors of each row, checked; 1, 1 and 0 where there are none."""
    r, n = formula.response, len(frame)
    trials = _numbers(r.trials, frame) if r.trials else np.ones(n)
    weight = _numbers(r.weights, frame) if r.weights else np.ones(n)
    se = _numbers(r.se, frame) if r.se else np.zeros(n)
    if r.weights:
        checks.weights(r.weights.text, weight)
    return trials, weight, se


def _posterior_names(
    names: tuple[str, ...], formula: Formula, family: Family, prefix: str
) -> tuple[str, ...]:
    """Prefix columns named like another variable with ``b_``."""
    groups = {g.name for g in formula.groups} | {":".join(t.factor) for t in formula.latents}
    taken = groups | {f"{kind}_{g}" for kind in ("sd", "cor", "r", "nu") for g in groups}
    taken |= {f"{g}_effect" for g in groups} | set(family.parameters(False, False))
    taken |= {f"{kind}_{t.name}" for kind in ("loading", "latent") for t in formula.latents}
    taken |= RESERVED | {"b", "sd", "cor", "cutpoints"}
    return tuple(prefix + (f"b_{name}" if name in taken else name) for name in names)
