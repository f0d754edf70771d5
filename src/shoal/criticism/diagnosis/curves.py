"""Whether the basis of a Gaussian process is enough for the lengthscales that were found."""

from __future__ import annotations

import math

import numpy as np

from shoal.criticism.diagnosis.case import Case, plain
from shoal.criticism.diagnosis.findings import Finding
from shoal.formula.option_values import MAX_BASIS
from shoal.model.terms.gaussian_processes import GaussianProcess

MISSED = 0.05  # of the variance: the largest error of a covariance that does not matter


def process_bases(case: Case) -> list[Finding]:
    """Report processes whose basis misses the covariance at the ends of the lengthscale's 90% interval.

    Riutort-Mayol et al. (2023), Statistics and Computing 33, 17, section 4.4: a basis is judged by the
    lengthscales that are found with it.
    """
    if case.model is None:
        return []
    findings = []
    for term in (term for term in case.model.terms if isinstance(term, GaussianProcess)):
        draws = case.posterior[term.lengthscale].values
        by_process = np.moveaxis(draws.reshape(*draws.shape[:2], -1), -1, 0)
        for (_, name), values in zip(term.pairs(), by_process, strict=True):
            findings += _finding(term, name, *np.quantile(values, [0.05, 0.95]))
    return findings


def _finding(term: GaussianProcess, name: str, low: float, high: float) -> list[Finding]:
    basis, curve = term.basis, term.curve
    missed = max(basis.error(low), basis.error(high))
    if missed <= MISSED:
        return []
    functions, boundary = basis.enough(low, high)
    functions, boundary = max(functions, basis.functions), max(math.ceil(10 * boundary) / 10, basis.boundary)
    remedy = f"Write {curve.name[:-1]}, k={functions}, c={boundary:.3g}) in the formula."
    if functions > MAX_BASIS:
        remedy = f"It would take {functions:,} functions. Give {name} a prior that excludes such "
        remedy += f"lengthscales, if they are not meant, or describe {basis.name} otherwise."
    evidence = (
        f"{name} has the 90% interval {plain(low)} to {plain(high)}: there the {basis.functions} functions "
        f"of {curve.name}, on {basis.boundary:.3g} times the range, miss up to {missed:.0%} of the variance."
    )
    return [Finding("gp-basis", "warning", evidence, remedy)]
