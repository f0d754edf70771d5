"""Published figures of classic tables, found again.

A figure agrees if it differs by less than two Monte Carlo errors, or where many are compared `LIMIT`, the
publication's and ours together, and the rounding of what was printed.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from references.agreement import LIMIT
from shoal import priors as P

TABLES = Path(__file__).parent / "tables"


def away(found, published):
    """Return differences of means and sds in the errors that both have, by parameter.

    Parameters
    ----------
    published : dict
        From parameters to mean, sd and effective sample size, as printed with two decimals.
    """
    out = {}
    for name, (mean, sd, size) in published.items():
        ours = found.loc[name]
        error = np.hypot(sd / np.sqrt(size), ours["mcse_mean"])
        spread = np.hypot(sd / np.sqrt(2 * size), ours["mcse_sd"])
        out[name] = [
            max(abs(ours["mean"] - mean) - 0.005, 0) / error,
            max(abs(ours["sd"] - sd) - 0.005, 0) / spread,
        ]
    return pd.DataFrame(out, index=["mean", "sd"]).T


# Times to the recurrence of an infection at the insertion of a catheter, 38 patients with two each:
# McGilchrist and Aisbett (1991), Biometrics 47, 461-466. Fitted by brms: Bürkner (2017), J. Statistical
# Software 80(1), section 4, whose Intercept and sigma had Student-t priors of scale 10.


@pytest.fixture(scope="module")
def kidney():
    data = pd.read_csv(TABLES / "kidney.csv")
    data["sex"] = pd.Categorical(data["sex"], ["male", "female"])
    data["disease"] = pd.Categorical(data["disease"], ["other", "GN", "AN", "PKD"])
    return data


KIDNEY = {
    "b": P.Normal(0, 5),
    "sd": P.HalfCauchy(2),
    "sigma": P.HalfStudentT(3, 10),
    "Intercept": P.StudentT(3, 0, 10),
}


def test_recurrence_of_kidney_infections(kidney):
    formula = "time | cens(censored) ~ age * sex + disease + (1 + age | patient)"
    model = sl.Model(formula, kidney, "lognormal", priors=KIDNEY | {"cor": P.LKJ(2)})
    fit = model.fit(seed=1, draws=2000, progress=False)
    published = {
        "sd_patient[Intercept]": (0.40, 0.28, 1731),
        "sd_patient[age]": (0.01, 0.01, 1137),
        "cor_patient[age, Intercept]": (-0.13, 0.46, 3159),
        "Intercept": (2.73, 0.96, 2139),
        "age": (0.01, 0.02, 1614),
        "sex[T.female]": (2.42, 1.13, 2065),
        "disease[T.GN]": (-0.40, 0.53, 2664),
        "disease[T.AN]": (-0.52, 0.50, 2713),
        "disease[T.PKD]": (0.60, 0.74, 2968),
        "age:sex[T.female]": (-0.02, 0.03, 1956),
        "sigma": (1.15, 0.13, 4000),
    }
    found = away(fit.summary(), published)
    assert found.to_numpy().max() < 2, found


@pytest.mark.slow
def test_slopes_of_patients_predict_their_infections_no_better(kidney):
    """LOOIC 675.45 with slopes of age by patient and 674.17 without them."""
    scores = []
    for effects, priors in (("1 + age", KIDNEY | {"cor": P.LKJ(2)}), ("1", KIDNEY)):
        formula = f"time | cens(censored) ~ age * sex + disease + ({effects} | patient)"
        fit = sl.Model(formula, kidney, "lognormal", priors=priors).fit(seed=1, progress=False)
        scores.append(-2 * fit.loo(refit=True).elpd)
    np.testing.assert_allclose(scores, [675.45, 674.17], atol=1.5)


# Clarity of the leaflets of two inhalers, a crossover trial of 286 patients: Ezzet and Whitehead (1991),
# Statistics in Medicine 10, 901-907; the table as Bürkner (2017), section 4, has it.


@pytest.mark.slow
def test_ratings_of_inhalers():
    """There the steps between cutpoints are equal, and here they are free.

    The figures of the first step, and those of all steps, depend little on that; the others do.
    """
    data = pd.read_csv(TABLES / "inhaler.csv")
    model = sl.Model("rating ~ period + carry + cs(treat) + (1 | subject)", data, "sratio")
    found = model.fit(seed=1, progress=False).summary()
    published = {
        "sd_subject[Intercept]": (1.05, 0.23),
        "period": (0.25, 0.18),
        "carry": (-0.26, 0.22),
        "treat[1|2]": (-0.96, 0.30),
    }
    for name, (mean, sd) in published.items():
        assert abs(found.loc[name, "mean"] - mean) < 0.15 * sd, name
        assert abs(found.loc[name, "sd"] / sd - 1) < 0.15, name


# Examples of McElreath (2020), Statistical Rethinking, second edition, fitted by brms: Kurz (2020), the same
# with brms, ggplot2, and the tidyverse, second edition, models 12.5, 13.2 and 13.4.


def test_tadpoles():
    frogs = sl.load_dataset("reedfrogs").assign(tank=range(48))
    priors = {"Intercept": P.Normal(0, 1.5), "sd_tank": P.Exponential(1)}
    model = sl.Model("surv | trials(density) ~ 1 + (1 | tank)", frogs, "binomial", priors=priors)
    published = {"sd_tank[Intercept]": (1.62, 0.21, 4165), "Intercept": (1.35, 0.26, 2713)}
    found = away(model.fit(seed=1, progress=False).summary(), published)
    assert found.to_numpy().max() < LIMIT, found


@pytest.mark.slow
def test_moral_intuition():
    """The priors of the cutpoints are of average columns there, which 9,930 rows do not notice."""
    formula = "response ~ action + contact + intention + action:intention + contact:intention"
    priors = {"cutpoints": P.Normal(0, 1.5), "b": P.Normal(0, 0.5)}
    model = sl.Model(formula, sl.load_dataset("trolley"), "cumulative", priors=priors)
    published = {
        "cutpoints[1|2]": (-2.64, 0.05, 3416),
        "cutpoints[2|3]": (-1.94, 0.05, 3378),
        "cutpoints[3|4]": (-1.35, 0.05, 3028),
        "cutpoints[4|5]": (-0.31, 0.04, 3048),
        "cutpoints[5|6]": (0.36, 0.04, 2884),
        "cutpoints[6|7]": (1.26, 0.05, 3188),
        "action": (-0.48, 0.05, 3008),
        "contact": (-0.35, 0.07, 3241),
        "intention": (-0.30, 0.06, 2880),
        "action:intention": (-0.43, 0.08, 3054),
        "contact:intention": (-1.23, 0.10, 2960),
    }
    found = away(model.fit(seed=1, progress=False).summary(), published)
    assert found.to_numpy().max() < LIMIT, found


def test_chimpanzees():
    """The four treatments beside an intercept have normal priors of sd 0.5: levels of a known sd."""
    apes = sl.load_dataset("chimpanzees").eval("treatment = 1 + prosoc_left + 2 * condition")
    formula = "pulled_left ~ 1 + (1 | actor) + (1 | block) + (1 | treatment)"
    priors = {"Intercept": P.Normal(0, 1.5), "sd": P.Exponential(1), "sd_treatment": P.Fixed(0.5)}
    fit = sl.Model(formula, apes, "bernoulli", priors=priors).fit(seed=1, progress=False)
    published = {
        "sd_actor[Intercept]": (1.98, 0.63, 1612),
        "sd_block[Intercept]": (0.20, 0.17, 1450),
        "Intercept": (0.60, 0.71, 999),
        "r_treatment[1, Intercept]": (-0.14, 0.30, 2000),
        "r_treatment[2, Intercept]": (0.39, 0.30, 2189),
        "r_treatment[3, Intercept]": (-0.48, 0.30, 2094),
        "r_treatment[4, Intercept]": (0.28, 0.30, 2113),
        "r_actor[1, Intercept]": (-0.96, 0.72, 998),
        "r_actor[2, Intercept]": (4.08, 1.35, 1972),
        "r_actor[3, Intercept]": (-1.26, 0.73, 973),
    }
    names = ["Intercept", "sd_actor", "sd_block", "r_treatment", "r_actor"]
    found = away(fit.summary(names), published)
    assert found.to_numpy().max() < LIMIT, found
