"""Are the fits calibrated? Simulation-based calibration of four models, 200 simulated tables each.

Gaussian rows are integrated, binomial rows transported; intercepts alone, and correlated slopes; 10 groups of
10 rows. Prints seconds and verdict of each, and exits with 1 if one is not calibrated::

    python benchmarks/sbc.py [--simulations 200] [--seed 0] [--plots FOLDER]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import shoal as sl
from shoal import priors as P

INTERCEPTS = {"Intercept": P.Normal(0, 1), "sd": P.HalfNormal(1)}
SLOPES = {**INTERCEPTS, "x": P.Normal(0, 1), "cor": P.LKJ(2)}
SIGMA = {"sigma": P.Exponential(1)}
MODELS = {
    "gaussian, intercepts": ("gaussian", "y ~ 1 + (1 | g)", INTERCEPTS | SIGMA),
    "gaussian, correlated slopes": ("gaussian", "y ~ 1 + x + (1 + x | g)", SLOPES | SIGMA),
    "binomial, intercepts": ("binomial", "y | trials(n) ~ 1 + (1 | g)", INTERCEPTS),
    "binomial, correlated slopes": ("binomial", "y | trials(n) ~ 1 + x + (1 + x | g)", SLOPES),
}


def table(groups: int = 10, rows: int = 10) -> pd.DataFrame:
    """Predictors and trials of the simulated tables; the responses are placeholders."""
    rng, size = np.random.default_rng(1), groups * rows
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, size),
            "n": rng.integers(2, 12, size),
            "x": rng.normal(size=size),
            "g": np.repeat(np.arange(groups), rows),
        }
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--simulations", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plots", type=Path, help="write a PNG for each model into this folder")
    options = parser.parse_args()
    data, wrong = table(), 0
    for name, (family, formula, priors) in MODELS.items():
        model = sl.Model(formula, data, family, priors)
        calibration = model.sbc(options.simulations, seed=options.seed)
        print(f"{name}: {calibration.seconds:.0f} s\n{calibration.verdict}")
        print(f"{calibration.summary().round(3).to_string()}\n", flush=True)
        wrong += not calibration.ok
        if options.plots:
            options.plots.mkdir(parents=True, exist_ok=True)
            calibration.plot().savefig(options.plots / f"sbc {name}.png", dpi=110)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
