"""Make the result files of other programs in this folder.

Usage: python make_files.py

Run it once in an environment of PyMC 5 with ArviZ 0.x, whose files are InferenceData, and once in one of
PyMC 6 with ArviZ 1.x, whose files are DataTrees; each makes its own. PyMC stores float64 and every
statistic of its sampler: here draws are thinned, kept in float32, and compressed, and statistics that
nothing reads are left out.
"""

from __future__ import annotations

from pathlib import Path

import arviz
import numpy as np
import pymc as pm
import xarray as xr

HERE = Path(__file__).parent
OLD = arviz.__version__.startswith("0.")
STATISTICS = {  # the second line: nutpie's names, which PyMC 6 samples with
    *("diverging", "energy", "tree_depth", "reached_max_treedepth", "acceptance_rate", "step_size"),
    *("depth", "maxdepth_reached", "mean_tree_accept"),
}
SCHOOLS = {
    "A": (28, 15),
    "B": (8, 10),
    "C": (-3, 16),
    "D": (7, 11),
    "E": (-1, 9),
    "F": (1, 11),
    "G": (18, 10),
    "H": (12, 18),
}


def eight_schools() -> pm.Model:
    """Return the model of Gelman et al. (2013), Bayesian Data Analysis, section 5.5, centered."""
    y, se = np.array(list(SCHOOLS.values()), float).T
    with pm.Model(coords={"school": list(SCHOOLS)}) as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfCauchy("tau", 5)
        theta = pm.Normal("theta", mu, tau, dims="school")
        pm.Normal("y", theta, se, observed=y, dims="school")
    return model


def slopes(groups: int = 5, rows: int = 30) -> pm.Model:
    """Return seed 003's vectorised model, small: its ZeroSumNormal constrains the wrong axis."""
    rng = np.random.default_rng(42)
    g = np.repeat(np.arange(groups), rows)
    x = rng.normal(size=(len(g), 3))
    own = rng.normal([1, 1.2, 0.8], [10, 12, 8], size=(groups, 3))
    y = (own[g] * x).sum(1) + rng.normal(0, 20, len(g))
    with pm.Model(coords={"group": np.arange(groups), "predictor": ["x1", "x2", "x3"]}) as model:
        beta = pm.Normal("beta", sigma=2.0, dims="predictor")
        tau = pm.Gamma("tau", mu=10.0, sigma=5.0, dims="predictor")
        sigma = pm.HalfNormal("sigma", sigma=200.0)
        epsilon = pm.ZeroSumNormal("epsilon_beta_g", dims=("group", "predictor"))
        pm.Normal("y_obs", ((beta + tau * epsilon)[g] * x).sum(axis=1), sigma, observed=y)
    return model


def one_way(groups: int = 10, rows: int = 10) -> pm.Model:
    """Return a model that suits its data: levels known well, effects centered."""
    rng = np.random.default_rng(41)
    g = np.repeat(np.arange(groups), rows)
    y = 2 + rng.normal(0, 1, groups)[g] + rng.normal(0, 0.75, len(g))
    with pm.Model(coords={"group": np.arange(groups)}) as model:
        index = pm.Data("g", g)
        mu, omega = pm.Normal("mu", 0, 5), pm.HalfNormal("omega", 2)
        effect = pm.Normal("mu_g", mu, omega, dims="group")
        pm.Normal("y_obs", effect[index], pm.HalfNormal("sigma", 2), observed=y)
    return model


def write(model: pm.Model, name: str, draws: int, kept: int, prior: bool = False, aim: float = 0.8) -> None:
    """Sample `model`, and write `kept` of each chain's `draws`, with draws from the prior if asked."""
    with model:
        found = pm.sample(draws, chains=4, cores=2, random_seed=1, progressbar=False, target_accept=aim)
        known = pm.sample_prior_predictive(500, random_seed=1) if prior else {}
    thin = {"draw": slice(None, None, draws // kept)}
    statistics = sorted(STATISTICS & set(found["sample_stats"].data_vars))
    groups = {
        "posterior": light(found["posterior"]).isel(thin),
        "sample_stats": light(found["sample_stats"]).isel(thin)[statistics],
        "observed_data": light(found["observed_data"]),
    }
    if "index" in model.named_vars:
        groups["constant_data"] = light(found["constant_data"])
    if prior:
        groups["prior"] = light(known["prior"])
    path = HERE / f"{name}.nc"
    path.unlink(missing_ok=True)
    if OLD:
        arviz.InferenceData(**groups).to_netcdf(str(path), compress=True, engine="h5netcdf")
    else:
        small = {v: {"zlib": True, "complevel": 9, "shuffle": True} for v in groups["posterior"]}
        tree = xr.DataTree.from_dict(groups)
        tree.to_netcdf(path, engine="h5netcdf", encoding={"/posterior": small})
    print(
        path.name, path.stat().st_size, "bytes", int(groups["sample_stats"]["diverging"].sum()), "divergences"
    )


def light(group: xr.Dataset | xr.DataTree) -> xr.Dataset:
    """Return a group with float64 values as float32."""
    data = group.to_dataset() if isinstance(group, xr.DataTree) else group
    return data.map(single, keep_attrs=True)


def single(values: xr.DataArray) -> xr.DataArray:
    """Return float64 values as float32, others as they are."""
    return values.astype(np.float32) if values.dtype == np.float64 else values


def main() -> None:
    """Make the files of this environment's versions."""
    if OLD:
        write(eight_schools(), "centered_schools", 500, 500)
        write(slopes(), "wrong_axis", 1000, 200, aim=0.95)
    else:
        write(one_way(), "sound", 1000, 250, prior=True)


if __name__ == "__main__":
    main()
