"""Formula and table to a design, refusing what cannot be fitted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from shoal.errors import DataError, ModelError, ShoalWarning
from shoal.families import Family, Rows, get_family
from shoal.families.parameter import Parameter
from shoal.formula import evaluate, parse_predictor
from shoal.formula.formula import Formula
from shoal.formula.terms import Expression
from shoal.formula.text_values import measured, recoded
from shoal.formula.tree import quote
from shoal.model import checks, spreads
from shoal.model.build_curves import curves_of
from shoal.model.build_factors import groups_of, latents_of, matrix_of
from shoal.model.build_residuals import residuals_of
from shoal.model.build_specific import specific_parts
from shoal.model.build_thresholds import thresholds_of
from shoal.model.coarse_rows import coarse
from shoal.model.design import Design
from shoal.model.imputed import Imputed
from shoal.model.scatter import scatter
from shoal.model.subsets import filled, own_columns, subset_of
from shoal.tables import Reduction, Table, assigned

RESERVED = {"chain", "draw", "row", "category", "cutpoint"}  # dimensions of a result


def build(
    formula: Formula,
    table: Table,
    family: Family,
    *,
    predictors: Mapping[str, Formula] | None = None,
    prefix: str = "",
    covariances: Mapping[str, Any] | None = None,
    measured: Container[str] = (),
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
    measured : container of str
        Columns that another response measures with errors: none of their values are known.
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
    formulas, table = (formula, *predictors.values()), table.select(columns)
    missing = None
    if formula.response.subset is not None:
        table.check_complete(needed(formulas))
        inside = subset_of(formula, table.frame)
        table = replace(table, frame=filled(formulas, table.frame, inside))
        missing = ~inside
    table.check_complete([c for c in columns if c not in incomplete(formulas)])
    if table.reduction is None:  # else columns are what expressions were computed to
        checks.not_columns(formulas, columns)
    frame, reduction = table.frame, table.reduction
    if formula.response.mi:
        frame, missing = _filled(formula, frame, family)
    family = _of_single_trials(formula, frame, family)
    checks.additions(formula, family)
    family, rows, categories = _response(formula, frame, family)
    if reduction is not None:
        rows = rows._replace(weight=rows.weight * reduction.counts)
    if missing is not None:
        rows = rows._replace(weight=np.where(missing, 0.0, rows.weight))
    if formula.response.mi_se is not None:
        errors = numbers(formula.response.mi_se, frame)
        checks.positive("Standard errors", formula.response.mi_se.text, errors)
        rows = rows._replace(se=errors)
    family, rows = coarse(formula, frame, family, rows)
    family.check(rows, formula.response.value.text)
    family.check(rows.at(rows.weight > 0), formula.response.value.text)
    checks.predictors(predictors, formula, family)
    own = formula
    if family.joint:
        own, predictors = _of_each(formula, predictors, family)
    if formula.specific is not None:
        family = checks.specific(formula, family).with_specific()
    learnt_from = None if formula.response.subset is None else ~np.asarray(missing)
    predictor = partial(
        _predictor,
        frame=frame,
        rows=rows,
        covariances=covariances or {},
        quiet=quiet,
        reduction=reduction,
        inside=learnt_from,
    )
    design = predictor(own, family, prefix)
    parts = specific_parts(design, frame, categories, learnt_from)
    for name in (name for name in design.parameters if name in predictors):
        parameter = Parameter(
            name, family.parameter_prior(name, design.counting.rows), name in family.together
        )
        parts.append(predictor(predictors[name], parameter, f"{prefix}{name}_"))
    residuals = None
    if formula.residuals is not None:
        checks.correlated_residuals(formula, family, rows)
        residuals = residuals_of(formula.residuals, prefix, frame, rows.weight > 0, covariances or {})
    design = replace(
        design,
        categories=categories,
        missing=missing,
        predictors=tuple(parts),
        residuals=residuals,
        thresholds=thresholds_of(formula, frame, family, rows) if family.ordinal else None,
    ).changed(lambda part: replace(part, imputed=_imputed(part.formula, frame, part.prefix, measured)))
    if residuals is not None:
        spreads.check(design)
    for part in design.counting.parts:
        checks.columns(part)
    for remark in [] if quiet or design.stays else checks.remarks(design, frame):
        warnings.warn(str(remark), ShoalWarning, stacklevel=2)
    return design


def _of_each(
    formula: Formula, predictors: Mapping[str, Formula], family: Family
) -> tuple[Formula, dict[str, Formula]]:
    """Return a formula of nothing, and those of parameters: the formula's right side if none is given."""
    names = family.together
    each = {name: parse_predictor(formula.right, name, formula) for name in names} | dict(predictors)
    nothing = replace(parse_predictor("~ 0", names[0], formula), text=formula.text)
    return nothing, each


def _predictor(
    formula: Formula,
    family: Family,
    prefix: str,
    *,
    frame: pd.DataFrame,
    rows: Rows,
    covariances: Mapping[str, Any],
    quiet: bool,
    reduction: Reduction | None,
    inside: np.ndarray | None,
) -> Design:
    """Return the design of one linear predictor."""
    population = matrix_of(formula.population, frame, reduction, inside)
    keep = np.array([not (family.cut and name == "Intercept") for name in population.names], bool)
    if family.cut and keep.all():
        raise ModelError(
            "cutpoints-without-intercept",
            f"The formula has no intercept (`0 +`), and family {family.name!r} has cutpoints.",
            "A formula with its intercept: the cutpoints take its place.",
            "Remove `0 +` (or `- 1`).",
        )
    weight = rows.weight * rows.trials
    curves = curves_of(formula.curves, frame, weight, prefix, covariances)
    terms = tuple(name for name, k in zip(population.names, keep, strict=True) if k)
    terms += tuple(name for curve in curves for name in curve.population_names)
    reserved = {"Intercept", "cutpoints"} | set(family.parameters(False, False))
    offset = sum((numbers(o, frame) for o in formula.offsets), np.zeros(len(frame)))
    x = np.concatenate([population.values[:, keep], *(curve.population for curve in curves)], axis=1)
    averages = np.average(x, axis=0, weights=weight)
    known = None if reduction is None else reduction.scatter.get(prefix)
    return Design(
        formula=formula,
        family=family,
        rows=rows,
        offset=offset,
        x=x,
        terms=terms,
        columns=_posterior_names(terms, formula, family, prefix),
        groups=groups_of(
            formula.groups, frame, reserved, prefix, covariances, weight, quiet, reduction, inside
        ),
        latents=latents_of(formula.latents, frame, prefix),
        curves=curves,
        spec=population.spec,
        averages=averages,
        scatter=scatter(x, averages, weight) if known is None else known,
        prefix=prefix,
        counts=None if reduction is None else reduction.counts,
        stays=reduction is not None and reduction.stays,
    )


def needed(formulas: Sequence[Formula]) -> list[str]:
    """Return the columns of a response's formulas that every row must have.

    Others are those of a response of a subset, a response with ``mi()``, and predictors ``mi(x)``.
    """
    may = incomplete(formulas)
    if formulas[0].response.subset is not None:
        may |= set(own_columns(formulas))
    return [c for c in dict.fromkeys(c for f in formulas for c in f.columns) if c not in may]


def incomplete(formulas: Sequence[Formula]) -> set[str]:
    """Return the columns whose missing values are estimated, or not looked at: upper ends of intervals."""
    may = {c for f in formulas if f.response.mi for c in f.response.value.columns}
    may |= {term.column for f in formulas for term in f.imputed}
    for response in (f.response for f in formulas):
        if (upper := response.cens_upper) is not None:
            may |= set(upper.columns) - {c for own in response.parts if own is not upper for c in own.columns}
    return may - {c for f in formulas for c in f.predicting}


def _filled(formula: Formula, frame: pd.DataFrame, family: Family) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the table with a number in place of missing responses, and where they are missing."""
    name = formula.response.value.name
    if family.name != "gaussian" or formula.response.se is not None:
        raise ModelError(
            "imputed-family",
            f"{formula.response.value.text!r} has mi(), and is not gaussian with a sigma.",
            "Missing values of gaussian responses can be estimated.",
            "Drop the rows, or model the response as gaussian.",
        )
    if name not in frame or not pd.api.types.is_numeric_dtype(frame[name]):
        raise ModelError(
            "imputed-not-numbers",
            f"mi() stands with {formula.response.value.text!r}.",
            "It goes with a column of numbers.",
        )
    missing = frame[name].isna().to_numpy()
    known = frame[name].to_numpy(float)[~missing]
    if not len(known):
        raise DataError(
            "column-all-missing",
            f"Column {name!r} is missing in all {len(missing)} rows.",
            "Some that are known.",
        )
    return assigned(frame, {name: frame[name].to_numpy(float, na_value=known.mean())}), missing


def _imputed(
    formula: Formula, frame: pd.DataFrame, prefix: str, measured: Container[str]
) -> tuple[Imputed, ...]:
    """Return the predictors whose missing values are estimated."""
    out = []
    for term in formula.imputed:
        if not pd.api.types.is_numeric_dtype(frame[term.column]):
            raise ModelError(
                "imputed-not-numbers",
                f"{term.name} is of a column that is not numeric.",
                "A column of numbers.",
            )
        values = frame[term.column].to_numpy(float, na_value=np.nan)
        missing = np.full(len(values), True) if term.column in measured else np.isnan(values)
        index = np.where(missing, np.cumsum(missing) - 1, -1)
        out.append(Imputed(term, np.where(missing, 0.0, values), index, prefix, f"{quote(term.column)}_"))
    return tuple(out)


def _of_single_trials(formula: Formula, frame: pd.DataFrame, family: Family) -> Family:
    """Return bernoulli for a binomial family whose rows, without trials, are all 0 or 1."""
    if family.name != "binomial" or formula.response.trials is not None:
        return family
    single = np.isin(numbers(formula.response.value, frame, recoded), (0, 1)).all()
    return get_family("bernoulli", family.link) if single else family


def numbers(
    expression: Expression, frame: pd.DataFrame, remedy: Callable[[str, list], str] = measured
) -> np.ndarray:
    """Return an expression's values, (N,)."""
    if expression.text in frame:  # a column, or what was computed where the rows of the table are
        values = frame[expression.text].to_numpy()
    else:
        # Any column says how many rows there are, for an expression that names none: trials(10).
        columns = {name: frame[name].to_numpy() for name in expression.columns or frame.columns[:1]}
        values = np.asarray(evaluate(expression, columns))
    checks.numeric(expression.text, values, remedy)
    return np.broadcast_to(values.astype(float), (len(frame),)).copy()


def _response(formula: Formula, frame: pd.DataFrame, family: Family) -> tuple[Family, Rows, tuple[Any, ...]]:
    r, n = formula.response, len(frame)
    trials, weight, se = additions(formula, frame)
    if r.columns:
        y, *others = (numbers(column, frame, recoded) for column in r.columns)
        labels = tuple(column.name for column in r.columns)
        return family.with_categories(labels), Rows(y, trials, weight, se, columns=np.stack(others)), labels
    if not family.categorical:
        y = numbers(r.value, frame, recoded)
        if r.se:
            checks.standard_errors(r.se.text, se, y, r.se_sigma)
        return family, Rows(y, trials, weight, se, columns=own_numbers(formula, frame)), ()
    values = frame[r.value.name] if r.value.is_column else numbers(r.value, frame, recoded)
    codes, labels = family.encode(values, r.value.text)
    return family.with_categories(labels), Rows(codes, np.ones(n), weight, se), labels


def own_numbers(formula: Formula, frame: pd.DataFrame) -> np.ndarray | None:
    """Return the columns of ``vint`` and ``vreal``, (C, N), for a family of the user's own."""
    r = formula.response
    for whole in r.vint:
        checks.whole(whole.text, numbers(whole, frame))
    columns = [numbers(column, frame) for column in (*r.vint, *r.vreal)]
    return np.stack(columns) if columns else None


def additions(formula: Formula, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return trials, weights and standard errors of each row, checked; 1, 1 and 0 where there are none."""
    r, n = formula.response, len(frame)
    trials = numbers(r.trials, frame) if r.trials else np.ones(n)
    weight = numbers(r.weights, frame) if r.weights else np.ones(n)
    se = numbers(r.se, frame) if r.se else np.zeros(n)
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
