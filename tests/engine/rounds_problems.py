"""Problems whose levels are independent, as `engine.rounds` takes them, and their integrals by SciPy."""

import numpy as np
import pandas as pd
from scipy.integrate import quad, simpson
from scipy.sparse.csgraph import connected_components
from scipy.stats import norm

import shoal as sl
from shoal.engine.rounds.parts import ByUnit, divide
from shoal.families import Rows
from shoal.families.row_functions import evaluate_rows
from shoal.fit.posterior import posterior_of

RULES = {"bernoulli": lambda rng, eta: rng.binomial(1, 1 / (1 + np.exp(-eta)))}
RULES["cumulative"] = lambda rng, eta: np.digitize(eta + rng.logistic(size=len(eta)), [-1, 0, 1])
RULES["poisson"] = lambda rng, eta: rng.poisson(np.exp(eta))
RULES["negbinomial"] = lambda rng, eta: rng.negative_binomial(3, 3 / (3 + np.exp(eta)))


def table(levels, rows, sd=1.0, seed=0, family="bernoulli"):
    """Return rows of levels with an intercept each."""
    rng = np.random.default_rng(seed)
    g, x = np.repeat(np.arange(levels), rows), rng.normal(size=levels * rows)
    eta = 0.3 + 0.5 * x + sd * rng.normal(size=levels)[g]
    return pd.DataFrame({"g": g, "x": x, "z": rng.normal(size=len(x)), "y": RULES[family](rng, eta)})


def posterior(formula="y ~ x + (1 | g)", data=None, family="bernoulli", **others):
    """Return a posterior that is sampled by quadrature."""
    data = table(12, 4, family=family) if data is None else data
    model = sl.Model(formula, data, family, **others)
    return posterior_of(model.specification, sampler="quadrature")


def divided(own, parts=5):
    """Return the units of a posterior."""
    return divide(ByUnit(own.target.problem), own.assembled.functions, parts)


def by_scipy(own, theta):
    """Return the log density of all rows at a theta, each level's effects integrated by SciPy.

    Linear predictors are made from dense J and S.
    """
    p, h = own.target.problem, own.target.values(theta[None])[0]
    family, n = own.model.designs[0].family, len(p.prior.mean)
    j = np.zeros((len(p.columns.offset), len(p.scales.constant)))
    for line in range(len(j)):
        for e in range(p.columns.start[line], p.columns.start[line + 1]):
            j[line, p.columns.column[e]] += p.columns.value[e]
    s = np.zeros((j.shape[1], n))
    for column in range(len(s)):
        for e in range(p.scales.start[column], p.scales.start[column + 1]):
            s[column, p.scales.effect[e]] += h[p.scales.place[e]]
    base, columns = p.columns.offset + j @ h[p.scales.constant], j @ s
    total = 0.0
    meet = (columns != 0).astype(int)
    count, label = connected_components(meet.T @ meet)
    for effects in (np.flatnonzero(label == k) for k in range(count)):
        if not meet[:, effects].any():  # coefficients, which are coordinates of theta
            continue
        lines = np.flatnonzero((columns[:, effects] != 0).any(1))
        total += np.log(_integral(family, p, h, lines, base[lines], columns[np.ix_(lines, effects)]))
    return total


def _integral(family, p, h, lines, base, columns):
    """Return the integral over a level's effects: by `quad` over one, by Simpson's rule over more."""
    rows = Rows(p.rows.y[lines], p.rows.trials[lines], p.rows.weight[lines], p.rows.se[lines])
    functions = family.row_function, family.interval_function

    def density(x):
        eta = base + x @ columns.T
        value = evaluate_rows(functions, rows, eta[:, None], h[p.rows.phi][:, None], 0).value
        return np.exp(value.sum(1)) * norm.pdf(x).prod(1)

    d = columns.shape[1]
    if d == 1:
        return quad(lambda x: density(np.array([[x]]))[0], -10, 10, epsabs=0, epsrel=1e-11, limit=200)[0]
    axis = np.linspace(-8, 8, 257 if d == 2 else 81)
    values = density(np.stack(np.meshgrid(*[axis] * d, indexing="ij"), -1).reshape(-1, d))
    values = values.reshape((len(axis),) * d)
    for _ in range(d):
        values = simpson(values, x=axis, axis=-1)
    return values
