"""How long does each family, and each kind of term, take on 1,000 rows of 50 levels?

Usage: python benchmarks/language.py [CASE ...] [--seed N]

One row a case, each in a process of its own: *seconds* from the start of Python to the summary of 4 chains of
1,000 draws, with a table that is made on the way, and the seconds of `Model.fit` among them. Then, uncounted,
the worst R-hat and the worst bulk and tail effective sample size of all quantities of the posterior, levels
included, divergences and the sampler.

A table has numbers ``x`` and ``z``, levels ``g`` and ``h``, and responses that are drawn from the family at
``0.3 + 0.5 x`` and normal effects of sd 0.5, its other parameters common to all rows. Compiled functions
are on disk when the rows begin: every case is fitted once before it is measured.

Without a case, all run; the beginning of names stands for all of them. ``--list`` names them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from _process import QUALITY, Table, everything, fresh, quality

import shoal as sl
from shoal.families import FAMILIES, Rows

COLUMNS = ("seconds", "fit", "quantities", *QUALITY, "peak MB")
ROWS, LEVELS, TRIALS = 1000, 50, 12
COLUMNS_OF_Y = ("y0", "y1", "y2", "y3")  # of a response of several, or its categories
# True values of parameters; those of cutpoints are evenly spread.
PARAMETERS = {
    "sigma": 0.8, "nu": 5.0, "shape": 2.0, "phi": 6.0, "zi": 0.2, "hu": 0.2, "zoi": 0.2, "coi": 0.4,
    "alpha": 2.0, "kappa": 4.0, "cutzero": -2.0, "cutgap": 4.0, "quantile": 0.3,
}  # fmt: skip


class Case(NamedTuple):
    """A family and a model of it; `y` is drawn from the family. W are neighbours on a ring of that many."""

    family: str
    formula: str = "y ~ x + (1 | g)"
    predictors: Mapping[str, str | float] | None = None
    others: tuple[tuple[str, str], ...] = ()
    rescor: bool = False
    ring: int = 0


TERMS = {
    "sigma": Case("gaussian", predictors={"sigma": "~ z + (1 | g)"}),
    "sigma-by_id": Case("gaussian", "y ~ x + (1 | p | g)", {"sigma": "~ z + (1 | p | g)"}),
    "shape": Case("negbinomial", predictors={"shape": "~ z + (1 | g)"}),
    "zi": Case("zero_inflated_poisson", predictors={"zi": "~ z + (1 | g)"}),
    "two_responses-by_id": Case(
        "gaussian", "y ~ x + (1 | p | g)", others=(("k ~ 1 + (1 | p | g)", "poisson"),)
    ),
    "s": Case("gaussian", "y ~ s(x) + (1 | g)"),
    "s-by": Case("gaussian", "y ~ s(x, by=h) + (1 | g)"),
    "s-counts": Case("poisson", "y ~ s(x) + (1 | g)"),
    "t2": Case("gaussian", "y ~ t2(x, z) + (1 | g)"),
    "gp": Case("gaussian", "y ~ gp(x) + (1 | g)"),
    "gp-counts": Case("poisson", "y ~ gp(x) + (1 | g)"),
    "mo": Case("gaussian", "y ~ mo(m) + (1 | g)"),
    "mo-binary": Case("bernoulli", "y ~ mo(m) + (1 | g)"),
    "thres": Case("cumulative", "y | thres(gr=h) ~ x + (1 | g)"),
    "thres-acat": Case("acat", "y | thres(gr=h) ~ x + (1 | g)"),
    "cs": Case("acat", "y ~ x + cs(z) + (1 | g)"),
    "cs-sratio": Case("sratio", "y ~ x + cs(z) + (1 | g)"),
    "ar": Case("gaussian", "y ~ x + (1 | g) + ar(t, gr=g)"),
    "cosy": Case("gaussian", "y ~ x + cosy(gr=g)"),
    "unstr": Case("gaussian", "y ~ x + unstr(v, gr=u)"),
    "unstr-sigma": Case("gaussian", "y ~ x + unstr(v, gr=u)", {"sigma": "~ 0 + C(v)"}),
    "ar-sigma": Case("gaussian", "y ~ x + ar(v, gr=u)", {"sigma": "~ 0 + C(v)"}),
    "rescor": Case("gaussian", others=(("e ~ x + (1 | g)", "gaussian"),), rescor=True),
    "car": Case("gaussian", "y ~ x + car(W, gr=g)", ring=LEVELS),
    "car-counts": Case("poisson", "y ~ x + car(W, gr=g)", ring=LEVELS),
    "sar-lag": Case("gaussian", "y ~ x + (1 | g) + sar(W)", ring=ROWS),
    "sar-error": Case("gaussian", "y ~ x + (1 | g) + sar(W, type='error')", ring=ROWS),
    "mi": Case("gaussian", "y ~ mi(w) + (1 | g)", others=(("w | mi() ~ x", "gaussian"),)),
    "mi-measured": Case("gaussian", "y ~ mi(w) + (1 | g)", others=(("w | mi(s) ~ x", "gaussian"),)),
    "mi-counts": Case("poisson", "y ~ mi(w) + (1 | g)", others=(("w | mi() ~ x", "gaussian"),)),
}
HELD = {"asym_laplace": {"quantile": PARAMETERS["quantile"]}}
CASES = {f"family-{name}": Case(name, predictors=HELD.get(name)) for name in FAMILIES} | {
    f"term-{name}": case for name, case in TERMS.items()
}


def table(case: Case, seed: int) -> pd.DataFrame:
    """Return 1,000 rows whose response is drawn from the family."""
    rng = np.random.default_rng(seed)
    g, x, z = rng.integers(0, LEVELS, ROWS), rng.normal(size=ROWS), rng.normal(size=ROWS)
    eta = 0.3 + 0.5 * x + 0.5 * rng.normal(size=LEVELS)[g]
    family = FAMILIES[case.family]
    if family.categorical or family.several:
        family = family.with_categories(COLUMNS_OF_Y)
    phi: dict[str, Any] = {
        name: np.array([PARAMETERS.get(name, 0.3)]) for name in family.parameters(False, False)
    }
    if family.ordinal:
        phi["cutpoints"] = np.array([[-1.0, 0.3, 1.5]])
    trials = np.full(ROWS, float(TRIALS if "trials" in family.requires else 1))
    rows = Rows(np.zeros(ROWS), trials, np.ones(ROWS), np.zeros(ROWS))
    w = 0.5 * x + rng.normal(size=ROWS)
    y = family.draw(rng, rows, eta, phi)
    responses = dict(zip(COLUMNS_OF_Y, y.T, strict=True)) if family.several else {"y": y}
    return pd.DataFrame(
        {
            **responses,
            "n": TRIALS,
            "x": x,
            "z": z,
            "g": g,
            "h": np.array(["a", "b", "c"])[g % 3],
            "m": np.digitize(x, [-1, 0, 1]),
            "k": rng.poisson(np.exp(0.3 + 0.5 * rng.normal(size=LEVELS)[g])),
            "w": np.where(rng.uniform(size=ROWS) < 0.2, np.nan, w),
            "s": 0.5,
            "t": np.arange(ROWS),
            "v": np.arange(ROWS) % 5,
            "u": np.arange(ROWS) // 5,
            "e": 0.5 * x + 0.5 * rng.normal(size=LEVELS)[g] + 0.5 * rng.normal(size=ROWS),
        }
    ).astype(dict.fromkeys(responses, int) if family.discrete else {})


def ring(size: int) -> pd.DataFrame:
    """Return weights of the two neighbours that each has on a ring, 1 / 2."""
    one = np.roll(np.eye(size), 1, axis=0)
    return pd.DataFrame((one + one.T) / 2)


def measure(name: str, seed: int) -> dict[str, Any]:
    """Fit a case; return the seconds of the fit and how well its draws serve."""
    case, frame = CASES[name], table(CASES[name], seed)
    formula = case.formula
    if FAMILIES[case.family].several:
        formula = formula.replace("y ~", f"cbind({', '.join(COLUMNS_OF_Y)}) ~")
    elif "trials" in FAMILIES[case.family].requires:
        formula = formula.replace("y ~", "y | trials(n) ~")
    matrices = {"W": ring(case.ring)} if case.ring else None
    if case.others:
        first = sl.Response(formula, case.family, predictors=case.predictors or {})
        model = sl.Model([first, *(sl.Response(*other) for other in case.others)], frame, rescor=case.rescor)
    else:
        model = sl.Model(formula, frame, family=case.family, predictors=case.predictors, covariances=matrices)
    began = time.perf_counter()
    fit = model.fit(seed=seed, progress=False)
    seconds = time.perf_counter() - began
    fit.summary()
    began = time.perf_counter()
    found = {"fit": seconds, **quality(fit, everything(fit))}
    return {**found, "uncounted": time.perf_counter() - began}


def main() -> None:
    """Print a row a case."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("case", nargs="*")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    chosen = [n for n in CASES if not options.case or any(n.startswith(c) for c in options.case)]
    if options.list:
        print("\n".join(CASES))
        return
    report = Table(f"{'case':<36}", *COLUMNS)
    for name in chosen:
        fresh("language", "measure", name=name, seed=options.seed + 1)
        measured = fresh("language", "measure", name=name, seed=options.seed)
        report.row(f"{name:<36}", *(measured[c] for c in COLUMNS))


if __name__ == "__main__":
    main()
