"""Models whose dimensions no quadrature reaches, one of each important kind, and their simulated tables.

Every prior is given, so that another default moves no reference.
"""

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

import shoal as sl
from shoal.priors import LKJ, Beta, Dirichlet, Exponential, Gamma, InverseGamma, Normal

KEPT = Path(__file__).parent / "tables" / "long_runs.json"
FEW = 4  # elements that are compared of each variable, and rows of each curve
CASES: dict[str, "Case"] = {}


def kept():
    """Return the references that were made."""
    return json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}


def fingerprint(table):
    """Return a number that another table would not have."""
    numbers = table.select_dtypes(["number", "bool"]).fillna(0.5).to_numpy(float)
    return float(np.round((numbers * np.sin(1 + np.arange(numbers.size)).reshape(numbers.shape)).sum(), 8))


def quantities(fit):
    """Return names and (V, chains, draws) draws: the first of each parameter and of the effects of levels.

    Of a curve the means of the first rows stand for its coefficients.
    """
    found, curves = {}, False
    for name, values in fit.tree["posterior"].to_dataset().data_vars.items():
        if str(name).startswith("basis_"):
            curves = True
            continue
        labels = itertools.product(*(values.coords[dim].values for dim in values.dims[2:]))
        flat = values.values.reshape(*values.shape[:2], -1)
        for place, label in enumerate(itertools.islice(labels, FEW)):
            own = flat[..., place]
            # The diagonal of a matrix of correlations never varies, and half of it is said twice.
            if np.ptp(own) and not any(np.array_equal(own, other) for other in found.values()):
                found[f"{name}[{', '.join(map(str, label))}]" if label else str(name)] = own
    if curves:
        means = fit.predict(kind="mean").values
        found |= {f"mean of row {row}": means[..., row] for row in range(FEW)}
    return list(found), np.array(list(found.values()))


@dataclass(frozen=True)
class Case:
    """A model, but for its table.

    Attributes
    ----------
    formula : str or list of Response
    family : str
    priors : dict
    table : callable
        From a random generator to the rows.
    options : dict
        Further arguments of `Model`.
    """

    formula: object
    family: str
    priors: dict
    table: Callable
    options: dict

    def rows(self):
        """Return the table, the same every time."""
        return self.table(np.random.default_rng(20261128))

    def model(self):
        """Return the model of the table."""
        options = {name: made() if callable(made) else made for name, made in self.options.items()}
        return sl.Model(self.formula, self.rows(), self.family, priors=self.priors, **options)


def case(formula, family, priors, **options):
    """Keep what makes the table as a case of the function's name."""

    def keep(table):
        CASES[table.__name__] = Case(formula, family, priors, table, options)
        return table

    return keep


LINE = {"Intercept": Normal(0, 2), "b": Normal(0, 1)}
COMMON = LINE | {"sd": Exponential(1)}
RESIDUAL = {"sigma": Exponential(1)}


def logistic(eta):
    return 1 / (1 + np.exp(-eta))


@case("y ~ x + (1 | person) + (1 | item)", "bernoulli", COMMON)
def crossed_binary(rng):
    person, item = (c.ravel() for c in np.meshgrid(np.arange(20), np.arange(12), indexing="ij"))
    x = rng.normal(size=240)
    eta = 0.3 + 0.5 * x + rng.normal(size=20)[person] + 0.8 * rng.normal(size=12)[item]
    return pd.DataFrame({"y": rng.binomial(1, logistic(eta)), "x": x, "person": person, "item": item})


@case("y ~ x + (1 | school / room)", "poisson", COMMON)
def nested_counts(rng):
    room = np.repeat(np.arange(30), 5)
    school = room // 5
    x = rng.normal(size=150)
    eta = 0.8 + 0.3 * x + 0.5 * rng.normal(size=6)[school] + 0.4 * rng.normal(size=30)[room]
    return pd.DataFrame({"y": rng.poisson(np.exp(eta)), "x": x, "school": school, "room": room})


@case("y ~ x + (1 + x | g)", "gaussian", COMMON | RESIDUAL | {"cor": LKJ(2)})
def correlated_slopes(rng):
    g, x = np.repeat(np.arange(12), 5), rng.normal(size=60)
    effects = rng.multivariate_normal([0, 0], [[0.8, -0.3], [-0.3, 0.4]], 12)
    y = 1 + 0.5 * x + effects[g, 0] + effects[g, 1] * x + rng.normal(size=60)
    return pd.DataFrame({"y": y, "x": x, "g": g})


@case("y ~ x + (1 | g)", "cumulative", {"b": Normal(0, 1), "sd": Exponential(1), "cutpoints": Normal(0, 2)})
def ordered_categories(rng):
    g, x = np.repeat(np.arange(15), 8), rng.normal(size=120)
    eta = 0.7 * x + rng.normal(size=15)[g] + rng.logistic(size=120)
    return pd.DataFrame({"y": np.digitize(eta, [-2, -0.5, 0.5, 2]) + 1, "x": x, "g": g})


@case("y ~ x + offset(log(days)) + (1 | g)", "negbinomial", COMMON | {"shape": InverseGamma(0.5, 0.5)})
def overdispersed_counts(rng):
    g, x, days = np.repeat(np.arange(15), 8), rng.normal(size=120), rng.integers(1, 9, 120)
    mean = days * np.exp(0.2 + 0.4 * x + 0.6 * rng.normal(size=15)[g])
    return pd.DataFrame({"y": rng.negative_binomial(2, 2 / (2 + mean)), "x": x, "days": days, "g": g})


@case(
    "y ~ x + (1 | both | g)",
    "gaussian",
    COMMON | {"sigma_Intercept": Normal(0, 1), "sigma_sd": Exponential(2), "cor": LKJ(2)},
    predictors={"sigma": "~ 1 + (1 | both | g)"},
)
def spreads_of_levels(rng):
    g, x = np.repeat(np.arange(15), 8), rng.normal(size=120)
    effects = rng.multivariate_normal([0, 0], [[0.6, 0.15], [0.15, 0.1]], 15)
    y = 1 + 0.5 * x + effects[g, 0] + np.exp(effects[g, 1]) * rng.normal(size=120)
    return pd.DataFrame({"y": y, "x": x, "g": g})


@case("y ~ s(x, k=8) + (1 | g)", "poisson", COMMON | {"sds": Exponential(1)})
def smooth(rng):
    g, x = np.repeat(np.arange(10), 12), rng.uniform(-2, 2, 120)
    eta = 1 + np.sin(2 * x) + 0.4 * rng.normal(size=10)[g]
    return pd.DataFrame({"y": rng.poisson(np.exp(eta)), "x": x, "g": g})


@case(
    [sl.Response(f"{name} ~ x + (1 | both | g)", family="student") for name in "yz"],
    "gaussian",
    {f"{name}_{what}": prior for name in "yz" for what, prior in (COMMON | RESIDUAL).items()}
    | {"cor": LKJ(2), "nu": Gamma(2, 0.1), "rescor": LKJ(2)},
    rescor=True,
)
def two_student_responses(rng):
    g, x = np.repeat(np.arange(12), 8), rng.normal(size=96)
    effects = rng.multivariate_normal([0, 0], [[0.6, 0.3], [0.3, 0.5]], 12)
    noise = rng.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 96)
    noise /= np.sqrt(rng.gamma(2, 0.5, 96))[:, None]
    y, z = 0.5 * x + effects[g, 0] + noise[:, 0], -0.3 * x + effects[g, 1] + 0.7 * noise[:, 1]
    return pd.DataFrame({"y": y, "z": z, "x": x, "g": g})


@case(
    "y ~ x + (1 | g)",
    "categorical",
    {f"mu_{name}_{what}": prior for name in ("car", "train") for what, prior in COMMON.items()},
)
def categories(rng):
    g, x = np.repeat(np.arange(12), 12), rng.normal(size=144)
    eta = np.column_stack([np.zeros(144), 0.4 + 0.6 * x, -0.2 - 0.4 * x])
    eta[:, 1:] += 0.8 * rng.normal(size=(12, 2))[g]
    kind = (eta + rng.gumbel(size=(144, 3))).argmax(1)
    return pd.DataFrame({"y": np.array(["bus", "car", "train"])[kind], "x": x, "g": g})


@case(
    "y ~ x + (1 | g)",
    "zero_inflated_poisson",
    COMMON | {"zi_Intercept": Normal(0, 1.5), "zi_b": Normal(0, 1)},
    predictors={"zi": "~ x"},
)
def excess_zeros(rng):
    g, x = np.repeat(np.arange(15), 10), rng.normal(size=150)
    eta = 0.9 + 0.4 * x + 0.5 * rng.normal(size=15)[g]
    at_all = rng.binomial(1, logistic(0.8 + 0.5 * x))
    return pd.DataFrame({"y": at_all * rng.poisson(np.exp(eta)), "x": x, "g": g})


@case("y ~ mo(dose) + (1 | g)", "gaussian", COMMON | RESIDUAL | {"simo": Dirichlet(1)})
def steps(rng):
    g, dose = np.repeat(np.arange(12), 8), rng.integers(0, 5, 96)
    y = 0.5 + np.array([0, 1, 1.2, 1.4, 2.2])[dose] + 0.6 * rng.normal(size=12)[g] + rng.normal(size=96)
    return pd.DataFrame({"y": y, "dose": dose, "g": g})


def grid():
    """Neighbours among 25 areas, five by five."""
    place = np.stack(np.divmod(np.arange(25), 5))
    near = np.abs(place[:, :, None] - place[:, None]).sum(0) == 1
    return pd.DataFrame(near.astype(float), index=range(25), columns=range(25))


@case(
    "y ~ x + offset(log(people)) + car(W, gr=area)",
    "poisson",
    LINE | {"sdcar": Exponential(1), "rhocar": Beta(1, 1)},
    covariances=lambda: {"W": grid()},
)
def areas(rng):
    area, people = np.arange(25), rng.uniform(2, 20, 25)
    x = rng.normal(size=25)
    eta = 0.3 * x + 0.5 * np.sin(area // 5) + 0.3 * rng.normal(size=25)
    return pd.DataFrame({"y": rng.poisson(people * np.exp(eta)), "x": x, "people": people, "area": area})


@case("time | cens(over) ~ x + (1 | g)", "weibull", COMMON | {"shape": Exponential(1)})
def censored_times(rng):
    g, x = np.repeat(np.arange(15), 8), rng.normal(size=120)
    time = np.exp(0.5 + 0.4 * x + 0.5 * rng.normal(size=15)[g]) * rng.weibull(1.5, 120)
    return pd.DataFrame({"time": np.minimum(time, 3), "over": time > 3, "x": x, "g": g})


@case("y ~ x + (1 | g) + ar(week, gr=g)", "gaussian", COMMON | RESIDUAL | {"ar": LKJ(1)})
def autoregression(rng):
    g, week, x = np.repeat(np.arange(12), 8), np.tile(np.arange(8), 12), rng.normal(size=96)
    noise = rng.normal(size=(12, 8))
    for t in range(1, 8):
        noise[:, t] = 0.6 * noise[:, t - 1] + 0.8 * noise[:, t]
    y = 1 + 0.5 * x + 0.7 * rng.normal(size=12)[g] + noise.ravel()
    return pd.DataFrame({"y": y, "x": x, "week": week, "g": g})


@case(
    [sl.Response("y ~ mi(x) + (1 | g)"), sl.Response("x | mi() ~ z")],
    "gaussian",
    {f"y_{what}": prior for what, prior in (COMMON | RESIDUAL).items()}
    | {f"x_{what}": prior for what, prior in (LINE | RESIDUAL).items()},
)
def imputed(rng):
    g, z = np.repeat(np.arange(12), 6), rng.normal(size=72)
    x = 0.5 + 0.7 * z + rng.normal(size=72)
    y = 1 + 0.6 * x + 0.7 * rng.normal(size=12)[g] + rng.normal(size=72)
    return pd.DataFrame({"y": y, "x": np.where(rng.uniform(size=72) < 0.25, np.nan, x), "z": z, "g": g})
