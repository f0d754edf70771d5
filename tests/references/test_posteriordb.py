"""Posteriors of posteriordb, whose reference draws Stan made, found again.

``tables/posteriordb.json`` has the means of these draws, their errors and their mean squares as published,
beside the data. Priors are those of the Stan programs, where a flat one is said by a normal one of scale 1e6:
that moves no mean here by more than 1e-6 of an sd.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from references.agreement import assert_agrees, error_of_sd
from shoal.priors import Gamma, HalfCauchy, HalfNormal, HalfStudentT, InverseGamma, Normal, StudentT

REFERENCES = json.loads((Path(__file__).parent / "tables" / "posteriordb.json").read_text(encoding="utf-8"))

WIDE = {"Intercept": Normal(0, 1e6), "b": Normal(0, 1e6)}
FLAT = WIDE | {"sigma": HalfNormal(1e6)}
KIDIQ = WIDE | {"sigma": HalfCauchy(2.5)}
KILPISJARVI = {"Intercept": Normal(9.31290322580645, 100), "x": Normal(0, 1 / 30), "sigma": HalfNormal(1e6)}
RADON = {"Intercept": Normal(0, 10), "b": Normal(0, 10), "sigma": HalfNormal(1)}
AR = {"Intercept": Normal(0, 10), "b": Normal(0, 10), "sigma": HalfCauchy(2.5)}
LOG = "log(weight) ~ log(diam1 * diam2 * canopy_height)"
AREA, SHAPE, HEIGHT, DENSITY = "log(diam1 * diam2)", "log(diam1 / diam2)", "log(total_height)", "log(density)"

# The coefficients of the Stan programs are those of the formulas, in their order.
REGRESSIONS = {
    "radon_mn-radon_pooled": ("log_radon ~ floor", "gaussian", RADON),
    "kidiq-kidscore_momhs": ("kid_score ~ mom_hs", "gaussian", KIDIQ),
    "kidiq-kidscore_momiq": ("kid_score ~ mom_iq", "gaussian", KIDIQ),
    "kidiq-kidscore_momhsiq": ("kid_score ~ mom_hs + mom_iq", "gaussian", KIDIQ),
    "kidiq-kidscore_interaction": ("kid_score ~ mom_hs * mom_iq", "gaussian", KIDIQ),
    "kidiq_with_mom_work-kidscore_interaction_c": (
        "kid_score ~ scale(mom_hs, scale=False) * scale(mom_iq, scale=False)",
        "gaussian",
        FLAT,
    ),
    "kidiq_with_mom_work-kidscore_interaction_c2": (
        "kid_score ~ I(mom_hs - 0.5) * I(mom_iq - 100)",
        "gaussian",
        FLAT,
    ),
    "kidiq_with_mom_work-kidscore_interaction_z": (
        "kid_score ~ I(scale(mom_hs) / 2) * I(scale(mom_iq) / 2)",
        "gaussian",
        FLAT,
    ),
    "kidiq_with_mom_work-kidscore_mom_work": ("kid_score ~ C(mom_work)", "gaussian", FLAT),
    "mesquite-mesquite": (
        "weight ~ diam1 + diam2 + canopy_height + total_height + density + group",
        "gaussian",
        FLAT,
    ),
    "mesquite-logmesquite": (
        f"log(weight) ~ log(diam1) + log(diam2) + log(canopy_height) + {HEIGHT} + {DENSITY} + group",
        "gaussian",
        FLAT,
    ),
    "mesquite-logmesquite_logvolume": (LOG, "gaussian", FLAT),
    "mesquite-logmesquite_logva": (f"{LOG} + {AREA} + group", "gaussian", FLAT),
    "mesquite-logmesquite_logvash": (f"{LOG} + {AREA} + {SHAPE} + {HEIGHT} + group", "gaussian", FLAT),
    "mesquite-logmesquite_logvas": (
        f"{LOG} + {AREA} + {SHAPE} + {HEIGHT} + {DENSITY} + group",
        "gaussian",
        FLAT,
    ),
    "kilpisjarvi_mod-kilpisjarvi": ("y ~ x", "gaussian", KILPISJARVI),
    "arK-arK": ("y ~ lag1 + lag2 + lag3 + lag4 + lag5", "gaussian", AR),
    "sesame_data-sesame_one_pred_a": ("watched | weights(children) ~ encouraged", "gaussian", FLAT),
    "nes_logit_data-nes_logit_model": ("republican | trials(people) ~ income", "binomial", WIDE),
    "dogs-dogs": ("y ~ avoided + shocks", "bernoulli", {"Intercept": Normal(0, 100), "b": Normal(0, 100)}),
}


def table(name):
    """Return the rows of a table, as the programs make them of what is given."""
    if name == "radon_mn":
        return sl.load_dataset("radon")
    data = pd.DataFrame(REFERENCES["tables"][name.removesuffix("_with_mom_work")]["columns"])
    if name == "arK":
        return data.assign(**{f"lag{k}": data["y"].shift(k) for k in range(1, 6)}).dropna()
    if name == "dogs":
        y = np.array([[int(trial) for trial in dog] for dog in data["trials"]])
        shocks = y.cumsum(1) - y
        avoided = np.arange(y.shape[1]) - shocks
        return pd.DataFrame({"y": y.ravel(), "avoided": avoided.ravel(), "shocks": shocks.ravel()})
    return data


def assert_is(posterior, draws):
    """Means and sds of (V, chains, draws) draws agree with a posterior's, of the same parameters."""
    reference = REFERENCES["posteriors"][posterior]
    mean, error = np.array(reference["mean"]), np.array(reference["mcse_mean"])
    sd = np.sqrt(np.array(reference["mean_square"]) - mean**2)
    draws = np.array(draws)
    spread = error_of_sd(draws, (sd / error) ** 2)
    assert_agrees(draws, reference["names"], mean, error, sd, spread)


@pytest.mark.parametrize("name", REGRESSIONS)
def test_regressions(name):
    formula, family, priors = REGRESSIONS[name]
    model = sl.Model(formula, table(name.partition("-")[0]), family, priors=priors)
    posterior = model.fit(seed=1, progress=False).tree["posterior"].to_dataset()
    assert_is(name, [posterior[parameter].values for parameter in posterior.data_vars])


def test_eight_schools():
    schools = sl.load_dataset("eight_schools")
    priors = {"Intercept": Normal(0, 5), "sd_school": HalfCauchy(5)}
    fit = sl.Model("y | se(se) ~ 1 + (1 | school)", schools, priors=priors).fit(seed=1, progress=False)
    effects = np.moveaxis(fit.levels().values[..., 0], -1, 0)
    posterior = fit.tree["posterior"]
    tau = posterior["sd_school"].values[..., 0]
    assert_is("eight_schools-eight_schools_noncentered", [*effects, posterior["Intercept"].values, tau])


def test_a_gaussian_process_of_counts():
    """Stan's is exact; of forty eigenfunctions the error is below 2e-4 at any lengthscale above 3."""
    priors = {"sdgp": HalfNormal(2), "lscale": Gamma(25, 4)}
    model = sl.Model("k ~ 0 + gp(x, k=40, c=5)", table("gp_pois_regr"), "poisson", priors=priors)
    fit = model.fit(seed=1, progress=False)
    posterior = fit.tree["posterior"]
    process = np.moveaxis(np.log(fit.predict(kind="mean").values), -1, 0)
    parameters = [posterior[name].values for name in ("lscale_gp(x)", "sdgp_gp(x)")]
    assert_is("gp_pois_regr-gp_pois_regr", [*parameters, *process])


@pytest.mark.slow
def test_accelerations_whose_mean_and_spread_are_processes():
    """Of brms: 40 eigenfunctions for the mean and 20 for log sigma, too few for short lengthscales.

    So the interval counts, too. There it reaches 1.5 ranges to both sides of the average time, here c half
    ranges to both sides of their middle: one more row, which weighs nothing, moves the middle there. (The 1.5
    is in the data of the program, and the one number that makes its published coefficients a curve of the
    data.) Lengthscales are in ranges there, and here in milliseconds.
    """
    data = table("mcycle_gp")
    last, average, whole = data["times"].max(), data["times"].mean(), np.ptp(data["times"])
    moves = pd.DataFrame({"times": [2 * average - last], "accel": [0.0], "weight": [1e-40]})
    data = pd.concat([data.assign(weight=1.0), moves], ignore_index=True)
    reach = float(1.5 * whole / (last - average))
    lscale = InverseGamma(1.124909, 0.0177 * whole)
    priors = {
        "Intercept": StudentT(3, -13, 36),
        "sdgp": HalfStudentT(3, 36),
        "lscale": lscale,
        "sigma_Intercept": StudentT(3, 0, 10),
        "sigma_sdgp": HalfStudentT(3, 36),
        "sigma_lscale": lscale,
    }
    formula = f"accel | weights(weight) ~ gp(times, k=40, c={reach})"
    spread = {"sigma": f"~ gp(times, k=20, c={reach})"}
    fit = sl.Model(formula, data, priors=priors, predictors=spread).fit(seed=1, progress=False)
    posterior = fit.tree["posterior"]
    units = {"Intercept": 1.0, "sdgp_gp(times)": 1.0, "lscale_gp(times)": whole}
    names = [(of, name) for of in ("", "sigma_") for name in units]
    assert_is("mcycle_gp-accel_gp", [posterior[of + name].values / units[name] for of, name in names])
