"""Refusals of responses, additions and numbers that no family can take."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from shoal.errors import DataError, ModelError, counted, listing, meant
from shoal.families import FAMILIES, Family, Rows
from shoal.families.ordinal import Ordinal
from shoal.formula.dialects import proportion_as_trials
from shoal.formula.formula import Formula
from shoal.formula.reader import read_piece
from shoal.formula.suggestions import write
from shoal.formula.text_values import recoded
from shoal.formula.tree import Chain, unparse
from shoal.tables.table import LARGEST, too_large

LEAST_SE = 1e-8  # of the spread of the responses: the squares of smaller ones are lost beside it
LARGEST_WEIGHT = 1e12  # observations that a row stands for


def additions(formula: Formula, family: Family) -> None:
    """Raise if the response predicts itself, or its additions do not fit the family."""
    response = formula.response
    given = {name for name in ("trials", "se", "vint", "vreal") if getattr(response, name)}
    _apart_from_response(formula)
    if response.thres_gr is not None and not family.ordinal:
        able = [name for name, own in FAMILIES.items() if own.ordinal]
        raise ModelError(
            "addition-not-taken",
            f"The formula has thres(...), and family {family.name!r} has no cutpoints.",
            f"A family of ordered categories: {listing(able)}.",
        )
    if response.rate is not None and family.link != "log":
        raise ModelError(
            "rate-without-log-link",
            f"The formula has rate({response.rate.text}), and family {family.name!r} has the link "
            f"{family.link!r}.",
            "A log link, by which responses grow in proportion to their exposure.",
        )
    if response.trials is not None and response.trials.text == response.value.text:
        raise ModelError(
            "response-is-trials",
            f"{response.value.text!r} is the response and the number of trials: every trial succeeded.",
            "Successes, and the trials they are out of.",
            "Write `successes | trials(n) ~ …`, or `trials(successes + failures)`.",
        )
    for name in sorted(given - family.takes):
        raise ModelError(
            "addition-not-taken",
            f"The response is {several}, and family {family.name!r} takes no trials."
            if name == "trials" and (several := _several(formula))
            else f"The formula has {name}(...), which family {family.name!r} does not take.",
            f"It takes {listing(sorted(family.takes)) or 'neither trials nor se'}.",
            "Use family='binomial' for counts out of trials." + _as_list(formula)
            if name == "trials"
            else "Columns are for families of your own, whose `takes` names them."
            if name in ("vint", "vreal")
            else "",
        )
    for name in sorted(family.requires - given):
        needed = _with_trials(formula)
        if name in ("vint", "vreal"):
            needed = "Its columns.", write(f"{response.value.text} | {name}(…) {formula.right}")
        raise ModelError(
            "addition-missing", f"Family {family.name!r} needs {name}(...) and the formula has none.", *needed
        )


def predictors(given: Mapping[str, Any], formula: Formula, family: Family) -> None:
    """Raise if a predictor, or a number, is given of what is no parameter of the family."""
    known = family.parameters(formula.response.se is not None, formula.response.se_sigma)
    for name, own in given.items():
        if isinstance(own, Formula) and own.residuals is not None:
            raise ModelError(
                "residuals-of-parameter",
                f"The predictor of {name!r} has {own.residuals.function}(...).",
                "It stands in the formula of the response, whose residuals correlate.",
            )
        if name not in known:
            remedy = meant(name, known)
            if name in family.parameters(False, False):
                se = formula.response.se
                remedy = f"se({se.text}) takes its place: se({se.text}, sigma=True) has both." if se else ""
            elif name in ("mu", formula.response.value.text):
                remedy = "The mean has the predictor of the formula itself."
            raise ModelError(
                "parameter-not-of-family",
                f"Family {family.name!r} has no parameter {name!r} to be predicted.",
                f"Its parameters: {listing(known)}." if known else "It has none besides its mean.",
                remedy,
            )
        if isinstance(own, Formula):
            _apart_from_response(own, f" of {name}")


def not_columns(formulas: Sequence[Formula], columns: Collection[str]) -> None:
    """Raise if an expression is written as a column of the table is called: either could be meant.

    Raises
    ------
    ModelError
    """
    for formula in formulas:
        for own in (*formula.response.parts, *formula.offsets):
            if not own.is_column and own.text in columns:
                raise ModelError(
                    "expression-is-column",
                    f"{own.text!r} is computed in the formula, and the table has a column called so.",
                    "Names of columns that no expression of the formula is written as.",
                    f"Rename the column: data = data.rename(columns={{{own.text!r}: 'other'}}).",
                )


def specific(formula: Formula, family: Family) -> Ordinal:
    """Return the family of a response with ``cs(...)``, raising if none of its effects can be specific."""
    assert formula.specific is not None
    if isinstance(family, Ordinal) and family.takes_specific:
        return family
    able = [name for name, own in FAMILIES.items() if isinstance(own, Ordinal) and own.takes_specific]
    needed = f"Category-specific effects belong to the families {listing(able)}."
    if family.ordinal:
        raise ModelError(
            "specific-effects",
            f"The formula has cs(...), and the cutpoints of family {family.name!r} are in ascending order: "
            "effects that differ between them would break it in some rows, whose probabilities would be "
            "negative.",
            needed,
            "family='acat' compares neighbouring categories, family='sratio' the categories reached one "
            "after the other.",
        )
    raise ModelError(
        "specific-effects",
        f"The formula has cs(...), and family {family.name!r} has no ordered categories.",
        needed,
        "A cubic spline, which is called cs, too, has its degrees of freedom: cs(x, df=5).",
    )


def correlated_residuals(formula: Formula, family: Family, rows: Rows) -> None:
    """Raise if residuals are to correlate that are not normal with a sigma."""
    assert formula.residuals is not None
    for what in in_the_way(formula, family, rows, able=family.name == "gaussian"):
        raise ModelError(
            "residuals-not-possible",
            f"{formula.residuals.function}(...) with {what}.",
            "Residuals correlate in gaussian responses without se(...).",
            "An effect a level, (1 | g), correlates the rows of a level in every family.",
        )
    if formula.residuals.function == "sar" and formula.response.subset is not None:
        raise ModelError(
            "residuals-not-possible",
            "sar(...) with subset().",
            "Predictors of all rows: a row depends on all others, those without a response, too.",
            "Give these the weight 0, and any number as their response: y | weights(w) ~ ….",
        )


def in_the_way(formula: Formula, family: Family, rows: Rows, able: bool) -> list[str]:
    """Return what keeps residuals from correlating: a family that is not `able`, or rows that are not plain.

    These are observed as they are, or not at all, with a sigma and whole weights.
    """
    response = formula.response
    conditions = {
        f"family {family.name!r}": not able,
        "se()": response.se is not None,
        "mi()": response.mi,
        "cens() or trunc()": response.coarse,
        "weights other than 0 and 1": not np.isin(rows.weight, (0.0, 1.0)).all(),
    }
    return [what for what, there in conditions.items() if there]


def _with_trials(formula: Formula) -> tuple[str, str]:
    """Return what is needed, and the formula with trials of a response that other programs take without."""
    value, weights = formula.response.value, formula.response.weights
    right = formula.right
    if piece := proportion_as_trials(read_piece(value.text)):
        kept = f" + weights({weights.text})" if weights and not piece.endswith(f"({weights.text})") else ""
        return "Successes, and the trials they are out of.", write(f"{piece}{kept} {right}")
    if weights:
        counts = f"data['successes'] = (data[{value.text!r}] * data[{weights.text!r}]).round()"
        return (
            f"Successes, and the trials they are out of. Are they shares of {weights.text}? Then {counts}.",
            write(f"successes | trials({weights.text}) {right}"),
        )
    return (
        "Successes, and the trials they are out of: a column, such as n, or a number.",
        write(f"{value.text} | trials(n) {right}"),
    )


def _several(formula: Formula) -> str:
    """Return ``cbind(y, z)`` where it stands for successes and failures, else nothing."""
    written = formula.text.partition("~")[0].partition("|")[0].strip()
    return written if written.startswith("cbind(") else ""


def _as_list(formula: Formula) -> str:
    """Return the list of responses that ``cbind(y, z)`` is in a multivariate regression of R."""
    trials = read_piece(formula.response.trials.text) if formula.response.trials else None
    if not (
        formula.text.lstrip().startswith("cbind(") and isinstance(trials, Chain) and trials.signs == ("+",)
    ):
        return ""
    right = formula.text[formula.text.index("~") :]
    each = (f"sl.Response({unparse(response) + ' ' + right!r})" for response in trials.operands)
    return f" Several responses are a list: [{', '.join(each)}]."


def _apart_from_response(formula: Formula, of: str = "") -> None:
    """Raise if a column of the response stands right of the tilde, in the predictor `of` a parameter."""
    specific = formula.specific.columns if formula.specific else ()
    effects = (c for g in formula.groups for c in g.effects.columns)
    offsets = (c for o in formula.offsets for c in o.columns)
    curves = (c for curve in formula.curves for c in curve.columns)
    imputed = (term.column for term in formula.imputed)
    factors = [c for term in formula.groups for c in term.columns]
    factors += [c for term in formula.latents for c in term.factor]
    places = {
        "a predictor": {*formula.population.columns, *specific, *effects, *curves, *imputed},
        "an offset": {*offsets},
        "a grouping factor": set(factors),
    }
    for what, columns in places.items():
        if both := [c for c in formula.response.value.columns if c in columns]:
            raise ModelError(
                "response-on-both-sides",
                f"{both[0]!r} is the response and {what}{of}.",
                "Columns other than the response itself on the right.",
                "Remove it from one side.",
            )


def numeric(name: str, values: np.ndarray, remedy: Callable[[str, list], str] = recoded) -> None:
    """Raise if `values` are not finite numbers of moderate size.

    Parameters
    ----------
    remedy : function
        Returns what to do where they are no numbers, from the name and the values.
    """
    if values.dtype.kind not in "biuf":
        shown = listing(repr(v) for v in dict.fromkeys(values.tolist()))
        raise DataError(
            "not-numbers",
            f"{name!r} holds {shown}, not numbers.",
            "Numbers (or True and False).",
            remedy(name.strip("`"), values.tolist()),
        )
    bad = np.flatnonzero(~np.isfinite(values.astype(float)))
    if bad.size:
        raise DataError(
            "values-not-finite",
            f"{name!r} is not finite in {bad.size} of {values.size} rows (rows {listing(bad)}).",
            "Finite numbers.",
            "Correct or drop these rows first: Shoal never drops a row.",
        )
    far = np.flatnonzero(np.abs(values.astype(float)) > LARGEST)
    if far.size:
        raise too_large(repr(name), np.atleast_1d(values), far)


def whole(name: str, values: np.ndarray) -> None:
    """Raise unless all values of a column of ``vint`` are whole numbers."""
    bad = np.flatnonzero(values != np.round(values))
    if bad.size:
        raise DataError(
            "not-whole",
            f"{name!r} is not whole in {counted(bad.size, 'row')} ({_shown(values, bad)}).",
            "vint(...) takes whole numbers.",
            f"Write vreal({name}).",
        )


def positive(what: str, name: str, values: np.ndarray) -> None:
    """Raise if any value is zero or negative."""
    bad = np.flatnonzero(values <= 0)
    if bad.size:
        raise DataError(
            "not-positive",
            f"{what} {name!r} are not above zero in {counted(bad.size, 'row')} ({_shown(values, bad)}).",
            f"{what} greater than zero.",
        )


def standard_errors(name: str, se: np.ndarray, y: np.ndarray, with_sigma: bool) -> None:
    """Raise if standard errors are not above zero, or without a sigma so small that rounding is larger."""
    positive("Standard errors", name, se)
    least = 0.0 if with_sigma else LEAST_SE * float(np.std(y))
    bad = np.flatnonzero(se < least)
    if bad.size:
        raise DataError(
            "standard-error-too-small",
            f"Standard errors {name!r} are below {least:.3g} in {counted(bad.size, 'row')} "
            f"({_shown(se, bad)}), and the responses have a standard deviation of {np.std(y):.3g}.",
            f"Standard errors of at least {LEAST_SE:g} of it, which numbers can tell from zero.",
            f"Are they in the responses' unit? For a residual beside them write se({name}, sigma=True).",
        )


def weights(name: str, values: np.ndarray) -> None:
    """Raise if any weight is negative, or fewer than two are above zero."""
    bad = np.flatnonzero(values < 0)
    if bad.size:
        raise DataError(
            "weight-negative",
            f"Weights {name!r} are below zero in {counted(bad.size, 'row')} ({_shown(values, bad)}).",
            "Weights greater than zero, or zero for rows that should not count.",
        )
    large = np.flatnonzero(values > LARGEST_WEIGHT)
    if large.size:
        raise DataError(
            "weight-too-large",
            f"Weights {name!r} are above {LARGEST_WEIGHT:g} in {counted(large.size, 'row')} "
            f"({_shown(values, large)}).",
            "Weights that count the observations of a row.",
            f"Divide them by their mean:\n    data[{name.strip('`')!r}] /= data[{name.strip('`')!r}].mean()",
        )
    if (values > 0).sum() < 2:
        raise DataError(
            "too-few-weights",
            f"Weights {name!r} are above zero in {(values > 0).sum()} of {len(values)} rows.",
            "Two rows or more that count.",
        )


def _shown(values: np.ndarray, bad: np.ndarray) -> str:
    return listing(f"row {i}: {values[i]:g}" for i in bad)
