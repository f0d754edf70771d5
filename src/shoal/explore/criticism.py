"""Whether to believe what the page shows: the verdict, predictive checks, and what the priors imply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from shoal.criticism.diagnosis import diagnose
from shoal.criticism.implied import prior_summary
from shoal.errors import ModelError
from shoal.estimands import INTERVAL, interval_names
from shoal.explore.numbers import frame, number
from shoal.fit.results import Results
from shoal.model import Specification
from shoal.plots.against_data import BINS, Replicates, bins, counts, window
from shoal.plots.ppc import simulate

SIMULATED = 200  # data sets


def criticism(results: Results) -> dict[str, Any]:
    """Return the verdict with its findings, predictive checks, and what the priors imply of the outcome."""
    diagnosis = diagnose(results)
    return {
        "verdict": diagnosis.verdict,
        "severity": "error" if not diagnosis.trustworthy else "warning" if not diagnosis.ok else "ok",
        "findings": [
            {"severity": f.severity, "code": f.code, "evidence": f.evidence, "remedy": f.remedy}
            for f in diagnosis
        ],
        "checks": _parts(lambda: [_check(r) for r in simulate(results, SIMULATED, seed=0)]),
        "implied": _parts(lambda: _implied(results.model)),
    }


def _parts(make: Callable[[], list[dict[str, Any]]]) -> dict[str, Any]:
    """Return parts, or why there are none: a density to a power, say, draws no data."""
    try:
        return {"parts": make()}
    except ModelError as problem:
        return {"message": str(problem)}


def _check(replicates: Replicates) -> dict[str, Any]:
    """Return rows in each bin, observed and simulated."""
    edges, labels = bins(replicates) if replicates.discrete else _even(replicates)
    return {"response": replicates.name, **frame(counts(replicates, edges, labels))}


def _even(replicates: Replicates) -> tuple[np.ndarray, list[str]]:
    """Return edges of bins of equal width, the outermost open, and their middles as labels."""
    count = int(min(BINS, 2 + 2 * np.sqrt(len(replicates.observed))))
    edges = np.linspace(*window(replicates), count + 1)
    labels = [f"{(a + b) / 2:.3g}" for a, b in zip(edges[:-1], edges[1:], strict=True)]
    edges[0], edges[-1] = -np.inf, np.inf
    return edges, labels


def _implied(model: Specification) -> list[dict[str, Any]]:
    """Return what the priors imply of each response: median and interval, beside the data's own."""
    table = prior_summary(model, SIMULATED)
    low, high = interval_names(INTERVAL)
    return [
        {
            "about": about,
            "quantity": quantity,
            "scale": row["scale"],
            "median": number(row["median"]),
            "low": number(row[low]),
            "high": number(row[high]),
            "observed": number(row["observed"]),
            "flag": row["flag"],
        }
        for (about, quantity), row in table.iterrows()
        if about != "parameter"
    ]
