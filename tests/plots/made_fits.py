"""Fits that nothing sampled: draws from the priors stand for a posterior's. A plot cannot tell."""

import warnings

import numpy as np
import pandas as pd
import xarray as xr

import shoal as sl
from shoal.api import Fit
from shoal.criticism.implied import prior_dataset
from shoal.errors import ShoalWarning
from shoal.fit.results import Results, observed_data

LABELS = ["$a$_b", "a/b", "x^{", "<ü>", "%s"]
CATEGORIES = np.array(["low", "$mid", "high"])
ROWS = 60


def table():
    rng = np.random.default_rng(3)
    g = np.concatenate([np.repeat(np.arange(5), [20, 15, 12, 8, 4]), [0]])
    y = rng.normal(size=ROWS) + g
    return pd.DataFrame(
        {
            "y": y,
            "x": rng.normal(size=ROWS),
            "g": np.array(LABELS)[g],
            "h": rng.permutation(np.arange(ROWS) % 3),
            "bit": (y > 2).astype(int),
            "count": rng.poisson(2.0, ROWS),
            "k": rng.binomial(np.arange(ROWS) % 4 + 1, 0.4),
            "m": np.arange(ROWS) % 4 + 1,
            "grade": pd.Categorical(CATEGORIES[np.arange(ROWS) % 3], CATEGORIES, ordered=True),
        }
    )


def model(formula="y ~ x + (1 + x | g) + (1 | h)", family="gaussian", data=None, **options):
    data = table() if data is None else data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ShoalWarning)
        if isinstance(formula, str):
            return sl.Model(formula, data, family=family, **options)
        return sl.Model([sl.Response(*pair) for pair in formula], data, **options)


TWO = (("bit ~ x + (1 | g) + latent(u | h)", "bernoulli"), ("y ~ latent(u | h)", "gaussian"))


def made(own=None, chains=2, draws=40, bad=0.1, seed=1):
    """Return a fit whose draws are from the priors; about a share `bad` of them is called divergent."""
    own = model() if own is None else own
    flat = prior_dataset(own.specification, chains * draws, seed).isel(chain=0, drop=True)
    index = pd.MultiIndex.from_product([range(chains), range(draws)], names=["chain", "draw"])
    coords = xr.Coordinates.from_pandas_multiindex(index, "sample")
    posterior = flat.rename(draw="sample").drop_vars("sample").assign_coords(coords).unstack("sample")
    diverging = np.random.default_rng(seed).random((chains, draws)) < bad
    stats = xr.Dataset(
        {"diverging": (("chain", "draw"), diverging)}, {"chain": range(chains), "draw": range(draws)}
    )
    tree = {"posterior": posterior.transpose("chain", "draw", ...), "sample_stats": stats}
    tree["observed_data"] = observed_data(own.specification)
    return Fit(Results(own.specification, xr.DataTree.from_dict(tree)))
