"""Arguments that other programs take, answered with what to write in a formula or elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shoal.errors import ModelError, listing, nearest
from shoal.formula.tree import quote

OWN = ("formula", "data", "family", "priors", "link", "predictors", "covariances", "missing", "rescor")
ADDITIONS = {"weights": "weights", "weight": "weights", "trials": "trials", "n": "trials", "se": "se"}
OFFSETS = ("offset", "exposure")
OF_FIT = {
    "iter": "draws",
    "niter": "draws",
    "tune": "warmup",
    "random_seed": "seed",
    "adapt_delta": "target_accept",
}
OF_FIT |= {name: name for name in ("draws", "chains", "seed", "warmup", "target_accept", "cores", "sampler")}
RENAMED = {"prior": "priors", "data2": "covariances", "cov_ranef": "covariances"}


def refuse(others: Mapping[str, Any], formula: Any) -> None:
    """Raise if a model was given an argument that it does not take.

    Raises
    ------
    ModelError
        With the formula, or the argument, to write instead.
    """
    for name, value in others.items():
        raise ModelError(
            "unknown-argument", f"A model takes no argument {name!r}.", *_answer(name, value, formula)
        )


def _answer(name: str, value: Any, formula: Any) -> tuple[str, str]:
    """Return what is needed, and what to write."""
    column = quote(value) if isinstance(value, str) else name
    added = "" if isinstance(value, str) else f"    data[{name!r}] = ...\n"
    if name in ADDITIONS and isinstance(formula, str) and "~" in formula:
        return (
            f"{ADDITIONS[name].capitalize()} stand in the formula, as columns of the table.",
            f"Write this:\n{added}    {_with_addition(formula, ADDITIONS[name], column)}",
        )
    if name in OFFSETS and isinstance(formula, str):
        term = f"offset(log({column}))" if name == "exposure" else f"offset({column})"
        return (
            "Offsets stand in the formula, as columns of the table.",
            f"Write this:\n{added}    {formula} + {term}",
        )
    if name in OF_FIT:
        return "How it is sampled is said when it is fitted.", f"Model(...).fit({OF_FIT[name]}=...)."
    if name in RENAMED:
        return f"{RENAMED[name]!r} is what is meant here.", f"Model(..., {RENAMED[name]}={{...}})."
    return f"It takes {listing(OWN, len(OWN))}.", nearest(name, OWN) if name else ""


def _with_addition(formula: str, addition: str, column: str) -> str:
    """Return a formula with an addition to its response."""
    response, _, terms = formula.partition("~")
    joined = "+" if "|" in response else "|"
    return f"{response.strip()} {joined} {addition}({column}) ~{terms}"
