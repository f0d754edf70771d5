"""Draws as other programs write them, made with NumPy: sound ones, to be spoilt in one way at a time."""

import numpy as np
import xarray as xr

CHAINS, DRAWS, LEVELS = 4, 500, 8
SCHOOLS = [*"ABCDEFGH"]


def rng(seed=0):
    return np.random.default_rng(seed)


def noise(seed=0, *more, draws=DRAWS):
    return rng(seed).normal(size=(CHAINS, draws, *more))


def hierarchy(seed=0):
    """Independent draws of a mean, a standard deviation and eight effects with that spread."""
    mu, tau = noise(seed), np.exp(noise(seed + 1))
    return {"mu": mu, "tau": tau, "theta": mu[..., None] + tau[..., None] * noise(seed + 2, LEVELS)}


def statistics(seed=9, **given):
    """What a Hamiltonian sampler in good health says of itself."""
    sound = {
        "diverging": np.zeros((CHAINS, DRAWS), bool),
        "energy": noise(seed),
        "tree_depth": np.full((CHAINS, DRAWS), 3),
        "acceptance_rate": np.full((CHAINS, DRAWS), 0.85),
    }
    return {name: values for name, values in {**sound, **given}.items() if values is not None}


def tree(variables=None, stats=None, dims=None, prior=None, observed=None, constant=None, **attrs):
    """Return a DataTree; effects of eight levels are over `school` unless `dims` says otherwise."""
    variables = hierarchy() if variables is None else variables
    stats = statistics() if stats is None else stats
    groups = {"posterior": dataset(variables, dims), "sample_stats": dataset(stats)}
    if prior is not None:
        groups["prior"] = dataset(prior, dims)
    for name, given in (("observed_data", observed), ("constant_data", constant)):
        if given is not None:
            groups[name] = xr.Dataset({k: ("row", np.asarray(v)) for k, v in given.items()})
    groups["posterior"].attrs.update(attrs)
    return xr.DataTree.from_dict({name: data for name, data in groups.items() if data.data_vars})


def dataset(variables, dims=None):
    named = {}
    for name, values in variables.items():
        values = np.asarray(values)
        own = (dims or {}).get(name, ["school"] if values.shape[2:] == (LEVELS,) else None)
        own = [f"{name}_dim_{i}" for i in range(values.ndim - 2)] if own is None else own
        named[name] = (["chain", "draw", *own], values)
    data = xr.Dataset(named)
    coords = {d: np.arange(n) for d, n in data.sizes.items()}
    if "school" in coords:
        coords["school"] = SCHOOLS
    return data.assign_coords(coords)


def codes(diagnosis):
    return [finding.code for finding in diagnosis]


def finding(diagnosis, code):
    (found,) = [f for f in diagnosis if f.code == code]
    return found
