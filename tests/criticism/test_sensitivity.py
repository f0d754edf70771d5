"""Which prior moves which conclusion: log priors against SciPy, power-scaling where it is exact, findings."""

from dataclasses import replace
from math import lgamma

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import shoal as sl
from criticism.diagnosis.drawn import dataset, hierarchy, tree
from estimands.estimand_cases import RUN
from refusals import refused
from shoal import priors as P
from shoal.criticism.diagnosis import diagnose
from shoal.criticism.sensitivity import log_priors, movements, quantities, sensitivity
from shoal.criticism.sensitivity import table as of_table
from shoal.criticism.sensitivity.log_prior import lkj_log_density
from shoal.criticism.sensitivity.scaling import error, noise, power_scaling, pull, reach
from shoal.errors import ModelError, ShoalWarning
from shoal.fit.results import Results
from shoal.model.prior_draws import draw_prior

RNG = np.random.default_rng(8)
N = 40
ROWS = pd.DataFrame(
    {
        "y": RNG.normal(2, 1, N),
        "c": np.arange(N) % 4,
        "k": RNG.poisson(2, N),
        "g": np.repeat(np.arange(8), 5),
        "h": np.arange(N) % 5,
        **{f"x{i}": RNG.normal(3, 1, N) for i in range(4)},
    }
)


# Log priors


def of_prior(model, shape=(2, 25)):
    """Return a fit whose draws are those of the priors."""
    drawn = draw_prior(model.specification, np.random.default_rng(3), shape[0] * shape[1])
    variables = {
        name: (
            ("chain", "draw", *(f"{name}_{i}" for i in range(v.ndim - 1))),
            v.reshape(*shape, *v.shape[1:]),
        )
        for name, v in drawn.items()
    }
    return Results(model.specification, xr.DataTree.from_dict({"posterior": xr.Dataset(variables)}))


def check(model, **expected):
    """Compare every log prior with SciPy's, a function of the draws by name."""
    results = of_prior(model)
    found, draws = log_priors(results), {k: v.values for k, v in results.posterior.data_vars.items()}
    assert set(found.values) == set(expected)
    for name, density in expected.items():
        assert found.values[name].shape == (2, 25)
        np.testing.assert_allclose(found.values[name], density(draws), rtol=1e-9, atol=1e-9, err_msg=name)
    return found


def test_coefficients_and_parameters_of_every_kind():
    priors = {
        "Intercept": P.StudentT(4, 1, 2),
        "x0": P.Normal(-1, 3),
        "x1": P.Laplace(1, 2),
        "x2": P.Fixed(0.5),
        "sd_g": P.HalfStudentT(3, 2),
        "sd_h": P.HalfCauchy(2),
        "nu_g": P.Gamma(3, 0.2),
        "sigma": P.InverseGamma(3, 2),
        "nu": P.Exponential(0.3),
    }
    formula = "y ~ x0 + x1 + x2 + (1 | gr(g, dist='student')) + (1 | h)"
    check(
        sl.Model(formula, ROWS, "student", priors),
        Intercept=lambda d: stats.t.logpdf(d["Intercept"], 4, 1, 2),
        x0=lambda d: stats.norm.logpdf(d["x0"], -1, 3),
        x1=lambda d: stats.laplace.logpdf(d["x1"], 1, 2),
        **{
            "sd_g[Intercept]": lambda d: stats.t.logpdf(d["sd_g"][..., 0], 3, 0, 2) + np.log(2),
            "sd_h[Intercept]": lambda d: stats.halfcauchy.logpdf(d["sd_h"][..., 0], scale=2),
        },
        nu_g=lambda d: stats.gamma.logpdf(d["nu_g"], 3, scale=5),
        sigma=lambda d: stats.invgamma.logpdf(d["sigma"], 3, scale=2),
        nu=lambda d: stats.expon.logpdf(d["nu"], scale=1 / 0.3),
    )


def test_a_default_intercept_is_judged_at_average_columns():
    model = sl.Model("k ~ x0 + x1 + (1 | g)", ROWS, "zero_inflated_poisson", {"zi": P.Beta(2, 5)})
    p = model.priors
    average = ROWS[["x0", "x1"]].mean()
    at = lambda d: d["Intercept"] + average["x0"] * d["x0"] + average["x1"] * d["x1"]  # noqa: E731
    spread = np.cov(ROWS[["x0", "x1"]].T, ddof=0)
    check(
        model,
        Intercept=lambda d: stats.norm.logpdf(at(d), p["Intercept"].mu, p["Intercept"].sigma),
        b=lambda d: stats.multivariate_normal.logpdf(
            np.stack([d["x0"], d["x1"]], axis=-1), cov=2.5**2 * np.linalg.inv(spread)
        ),
        **{"sd_g[Intercept]": lambda d: stats.expon.logpdf(d["sd_g"][..., 0], scale=1 / RATE(p, "sd_g"))},
        zi=lambda d: stats.beta.logpdf(d["zi"], 2, 5),
    )


def RATE(priors, name):
    return priors[f"{name}[Intercept]"].rate


@pytest.mark.parametrize("given", [None, P.Normal(1, 2)])
def test_cutpoints_are_sorted_normal_variables(given):
    model = sl.Model("c ~ x0 + (1 | g)", ROWS, "cumulative", {"cutpoints": given} if given else None)
    p = model.priors

    def cutpoints(d):
        moved = 0.0 if given else ROWS["x0"].mean() * d["x0"][..., None]
        each = stats.norm.logpdf(d["cutpoints"] - moved, p["cutpoints"].mu, p["cutpoints"].sigma)
        return each.sum(-1) + lgamma(4)

    check(
        model,
        x0=lambda d: stats.norm.logpdf(d["x0"], 0, p["x0"].sigma),
        cutpoints=cutpoints,
        **{"sd_g[Intercept]": lambda d: stats.expon.logpdf(d["sd_g"][..., 0], scale=1 / RATE(p, "sd_g"))},
    )


def test_loadings_and_several_responses():
    responses = [sl.Response("y ~ 1 + latent(u | g)"), sl.Response("k ~ 1 + latent(u | g)", "poisson")]
    model = sl.Model(responses, ROWS, priors={"Intercept": P.Normal(0, 1), "y_sigma": P.HalfNormal(2)})
    p = model.priors
    check(
        model,
        y_Intercept=lambda d: stats.norm.logpdf(d["y_Intercept"]),
        k_Intercept=lambda d: stats.norm.logpdf(d["k_Intercept"]),
        y_loading_u=lambda d: stats.norm.logpdf(d["y_loading_u"], 0, p["y_loading_u"].sigma),
        k_loading_u=lambda d: stats.norm.logpdf(d["k_loading_u"], 0, p["k_loading_u"].sigma),
        y_sigma=lambda d: stats.halfnorm.logpdf(d["y_sigma"], scale=2),
    )


def lkj_of_three(r, eta):
    """Return the log density of 3 × 3 correlation matrices: partial correlations, and their Jacobian."""
    a, b = r[..., 1, 0], r[..., 2, 0]
    rest = np.sqrt((1 - a**2) * (1 - b**2))
    c = (r[..., 2, 1] - a * b) / rest
    shapes = (eta + 0.5, eta + 0.5, eta)
    parts = [stats.beta.logpdf((1 + v) / 2, s, s) - np.log(2) for v, s in zip((a, b, c), shapes, strict=True)]
    return sum(parts) - np.log(rest)


def test_correlations_have_the_density_of_their_matrix():
    priors = {"cor_g": P.LKJ(2.5), "sd": P.HalfNormal(1), "b": P.Normal(0, 1), "Intercept": P.Normal(0, 1)}
    model = sl.Model("y ~ x0 + x1 + (1 + x0 + x1 | g) + (1 + x0 || h)", ROWS, priors=priors)
    found = log_priors(of_prior(model)).values
    r = of_prior(model).posterior["cor_g"].values
    np.testing.assert_allclose(found["cor_g"], lkj_of_three(r, 2.5), rtol=1e-7)
    assert "cor_h" not in found and {"sd_h[Intercept]", "sd_h[x0]"} <= set(found)


def test_correlations_of_two_are_a_stretched_beta():
    r = np.linspace(-0.99, 0.99, 7)
    matrices = np.stack([[[1, v], [v, 1]] for v in r])
    np.testing.assert_allclose(
        lkj_log_density(1.7, matrices), stats.beta.logpdf((1 + r) / 2, 1.7, 1.7) - np.log(2), rtol=1e-9
    )
    singular = np.ones((1, 2, 2))
    assert np.isfinite(lkj_log_density(2.0, singular)).all() and np.isfinite(lkj_log_density(1.0, singular))


def test_of_a_shrinkage_prior_it_is_what_the_slopes_share():
    prior = P.R2D2(mean=0.3, precision=4)
    r2d2 = of_prior(sl.Model("y ~ x0 + x1 + x2 + (1 | g)", ROWS, priors={"b": prior}))
    # Drawn as prior_draws does, before the scales are made of it.
    ratio = (r2d2.posterior["scale_b"].values / r2d2.posterior["sigma"].values[..., None]) ** 2
    explained = ratio.sum(-1) / (1 + ratio.sum(-1))
    found = log_priors(r2d2)
    np.testing.assert_allclose(found.values["b"], stats.beta.logpdf(explained, 1.2, 2.8), rtol=1e-9)
    assert stats.kstest(explained.ravel(), stats.beta(1.2, 2.8).cdf).pvalue > 1e-3
    assert not {"x0", "x1", "x2"} & set(found.values) and "prior of R^2" in found.limits[0]
    horseshoe = log_priors(of_prior(sl.Model("y ~ x0 + x1 + x2", ROWS, priors={"b": P.Horseshoe()})))
    assert set(horseshoe.values) == {"Intercept", "sigma"}
    assert horseshoe.limits[0].startswith("Horseshoe(1, 2, 4) of b is not scaled")


# Power-scaling


def distance(m0, s0, m1, s1, low, high):
    """Return the cumulative Jensen-Shannon distance between normals on a range, that of -X if larger."""
    x = np.linspace(low, high, 100_001)

    def one(p, q):
        mid = (p + q) / 2
        integrand = p * np.log2(p / mid) + q * np.log2(q / mid)
        return np.sqrt(np.trapezoid(integrand, x) / np.trapezoid(p + q, x))

    a, b = stats.norm(m0, s0), stats.norm(m1, s1)
    return max(one(a.cdf(x), b.cdf(x)), one(a.sf(x), b.sf(x)))


def scaled(power, prior, data):
    """Return mean and sd of a normal posterior whose normal prior has a power; (mean, sd) of each."""
    weights = np.array([power / prior[1] ** 2, 1 / data[1] ** 2])
    return weights @ [prior[0], data[0]] / weights.sum(), weights.sum() ** -0.5


def exact(prior, data, low, high):
    middle = scaled(1, prior, data)
    steps = [distance(*middle, *scaled(a, prior, data), low, high) / abs(np.log2(a)) for a in (0.99, 1.01)]
    return np.mean(steps)


CASES = {"vague": (0.0, 50.0), "narrow": (2.0, 0.5), "elsewhere": (-3.0, 2.0), "both": (0.0, 1.0)}
DATA = (2.0, 0.8)


@pytest.mark.parametrize("prior", CASES.values(), ids=CASES)
def test_a_normal_mean_is_as_sensitive_as_it_is(prior):
    """With a known variance the scaled posterior is normal, too: arviz-stats' psense, and the first order."""
    mean, sd = scaled(1, prior, DATA)
    size = 4000
    x = np.random.default_rng(1).permutation(stats.norm(mean, sd).ppf((np.arange(size) + 0.5) / size))
    x = x.reshape(4, 1000)
    log_prior = stats.norm.logpdf(x, *prior)
    (found,) = power_scaling([x], log_prior, "prior")
    expected = exact(prior, DATA, x.min(), x.max())
    assert found == pytest.approx(expected, rel=0.03, abs=1e-4)
    assert found <= reach(x, log_prior.std()) * 1.02
    (up, wide), (down, narrow) = (scaled(2.0**e, prior, DATA) for e in (0.001, -0.001))
    assert pull(x, log_prior) == pytest.approx(
        ((up - down) / 0.002 / sd, (wide - narrow) / 0.002 / sd), rel=0.02, abs=1e-4
    )


def test_a_threshold_of_a_twentieth_is_a_quarter_of_an_sd():
    x = stats.norm.ppf((np.arange(4000) + 0.5) / 4000).reshape(4, 1000)
    slope = 0.25 / np.log(2)  # a linear log density, which twice the weight shifts by a quarter
    assert power_scaling([x], slope * x, "prior")[0] == pytest.approx(0.05, abs=0.01)
    assert pull(x, slope * x)[0] == pytest.approx(0.25, rel=0.01)


def test_chance_rarely_exceeds_the_noise():
    rng = np.random.default_rng(2)
    makers = (rng.normal, rng.exponential, lambda size: np.exp(rng.normal(size=size)))
    above = []
    for make in makers:
        xs, component = [make(size=(4, 200)) for _ in range(40)], -(rng.normal(size=(4, 200)) ** 2)
        found, width = power_scaling(xs, component, "prior"), error(component)
        above += [value > noise(x, width) for value, x in zip(found, xs, strict=True)]
    assert np.mean(above) < 0.08
    slow = np.repeat(rng.normal(size=(4, 20)), 10, axis=1)  # a tenth of the draws count
    assert error(slow) == pytest.approx(error(slow[:, ::10]), rel=0.3)


def test_a_uniform_prior_moves_nothing():
    x = np.random.default_rng(0).normal(size=(2, 100))
    (moved,) = movements({"x": x, "fixed": np.ones((2, 100))}, {"x": np.zeros((2, 100))})
    assert moved.name == "x" and moved.prior == 0 and moved.each == {"x": 0.0} and not moved.driver


# The table


@pytest.fixture(scope="module")
def means():
    """Return fits of a mean with known errors: five values around 2, of standard error 0.8 together."""
    data = pd.DataFrame({"y": 2 + np.array([-1.0, -0.5, 0, 0.5, 1]), "se": 0.8 * 5**0.5})
    fits = {}
    for name, (mean, sd) in CASES.items():
        model = sl.Model("y | se(se) ~ 1", data, priors={"Intercept": P.Normal(mean, sd)})
        fits[name] = model.fit(seed=2, cores=1)
    return fits


@pytest.mark.parametrize("name", CASES)
def test_the_table_of_a_normal_mean(means, name):
    found = means[name].sensitivity()
    x = means[name].tree["posterior"]["Intercept"].values
    prior, likelihood = (
        exact(*pair, x.min(), x.max()) for pair in ((CASES[name], DATA), (DATA, CASES[name]))
    )
    row = found.loc["Intercept"]
    assert row["prior"] == row["Intercept"] == pytest.approx(prior, rel=0.1, abs=2e-3)
    assert row["likelihood"] == pytest.approx(likelihood, rel=0.1, abs=2e-3)


def test_a_strong_prior_is_found_and_a_vague_one_is_not(means):
    strong, vague = means["elsewhere"].sensitivity(), means["vague"].sensitivity()
    assert strong.loc["Intercept", "diagnosis"] == "prior and data both move it"
    assert strong.attrs["verdict"].startswith("1 of 1 depends on a prior: Intercept (")
    assert vague.loc["Intercept", "diagnosis"] == "no prior matters"
    assert vague.attrs["verdict"] == "No prior moves any of these by 0.05 or more."
    assert means["vague"].sensitivity(threshold=1e-9).loc["Intercept", "diagnosis"] != "no prior matters"


@pytest.fixture(scope="module")
def fit():
    table = ROWS.rename(columns={"x0": "prior", "x1": "x"})
    priors = {"x": P.Normal(2, 0.05), "prior": P.Normal(0, 5), "sd_g": P.Exponential(1)}
    return sl.Model("y ~ prior + x + (1 + x | g)", table, priors=priors).fit(**RUN)


def test_the_driver_is_named_with_its_direction(fit):
    found = fit.sensitivity()
    assert list(found.index) == list(quantities(fit.results)) and "cor_g[x, Intercept]" in found.index
    own = ["Intercept", "prior_of_prior", "x", "sd_g[Intercept]", "sd_g[x]", "cor_g", "sigma"]
    ends = ["likelihood", "driver", "pull", "spread", "diagnosis"]
    assert found.columns.tolist() == ["prior", *own, *ends]
    row = found.loc["x"]
    assert row["driver"] == "x" and row["x"] == found.loc["x", own].max() > 0.05
    draws = fit.tree["posterior"]["x"].values
    assert row["pull"] > 0 and draws.mean() < 2  # towards the prior's mean
    assert f"x ({row['prior']:.2g}, on its own)" in found.attrs["verdict"]


def test_what_is_printed(fit):
    found = fit.sensitivity()
    text, page = repr(found), found._repr_html_()
    for words in (found.attrs["verdict"], "Noise: sensitivities of up to", "Scale: distance between"):
        assert words in text and (words in page or "&" in words)
    still = found.attrs["still"]
    assert "prior_of_prior" in still and "below 0.005 everywhere: prior." in text
    header = text.splitlines()[0].split()
    assert "x" in header and "prior_of_prior" not in header
    assert isinstance(found.round(2), type(found)) and found.attrs["verdict"] in repr(found.head(1))


def test_what_can_be_asked_for(fit):
    levels = fit.sensitivity(levels="g", likelihood=False, by_prior=False)
    assert len(levels) == 16 and levels.index[1] == "levels_g[0, x]"
    assert levels.columns.tolist() == ["prior", "driver", "pull", "spread", "diagnosis"]
    some = ["sigma", "sd_g", "r_g[3,Intercept]", "cor_g[x, Intercept]"]
    one = fit.sensitivity(some, likelihood=False)
    expected = ["sigma", "sd_g[Intercept]", "sd_g[x]", "r_g[3, Intercept]", "cor_g[x, Intercept]"]
    assert one.index.tolist() == expected
    assert fit.sensitivity("sigma", likelihood=False).index.tolist() == ["sigma"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"var_names": ["sigmaa"]}, "Did you mean 'sigma'"),
        ({"var_names": ["sd_g[z]"]}, "There is no quantity"),
        ({"var_names": ["g"]}, "There is no variable 'g'"),
        ({"var_names": ["draw"]}, "There is no variable 'draw'"),
        ({"var_names": []}, "No quantity is named"),
        ({"var_names": 3}, "a list of names"),
        ({"var_names": ["x"], "levels": "g"}, "Ask for two tables"),
        ({"levels": "nobody"}, "no grouping factor"),
        ({"threshold": 0}, "A positive number"),
        ({"threshold": "much"}, "A positive number"),
    ],
)
def test_refusals(fit, arguments, message):
    with pytest.raises(ModelError, match=message):
        fit.sensitivity(**arguments)


def part(fit, draws=None, without=()):
    """Return the results of some of the draws, without some variables."""
    kept = draws if isinstance(draws, np.ndarray) else slice(draws)
    posterior = fit.tree["posterior"].to_dataset().isel(draw=kept).drop_vars(without)
    sampler = fit.tree["sample_stats"].to_dataset().isel(draw=kept)
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": sampler})
    tree.attrs = fit.tree.attrs
    return replace(fit.results, tree=tree)


def test_few_draws_are_refused(fit):
    with refused("too-few-draws", match="At least 100"):
        sensitivity(part(fit, 40))


def test_what_is_lost_in_noise_is_no_number(fit):
    """Fifty draws of each chain, and a likelihood whose sum varies by more than two."""
    found = sensitivity(part(fit, 50), ["sigma", "Intercept"])
    assert found["likelihood"].isna().any() and "to the likelihood can be chance" in found.attrs["limits"]


def test_many_rows_are_summed_at_some_of_the_draws(fit, monkeypatch):
    whole = fit.sensitivity("sigma")
    monkeypatch.setattr(of_table, "MOST", N * 2 * 100)
    found = fit.sensitivity("sigma")
    assert "The likelihood is that at 200 of 800 draws." in found.attrs["limits"]
    np.testing.assert_array_equal(found["prior"], whole["prior"])  # NaN where it is lost in noise
    monkeypatch.undo()
    evenly_spread = part(fit, np.linspace(0, 399, 100).round().astype(int))
    expected = sensitivity(evenly_spread, ["sigma"])
    assert found.loc["sigma", "likelihood"] == pytest.approx(expected.loc["sigma", "likelihood"])
    assert found.loc["sigma", "likelihood"] == pytest.approx(whole.loc["sigma", "likelihood"], rel=0.5)


def test_without_effects_there_is_no_likelihood(fit):
    found = sensitivity(part(fit, without=["r_g"]))
    assert found["likelihood"].isna().all() and "No likelihood: the draws of r_g" in found.attrs["limits"]
    assert found.loc["x", "diagnosis"] == "a prior matters"
    with refused("unknown-variable"):
        sensitivity(part(fit, without=["r_g"]), ["r_g[0, x]"])


# The finding


def found_in(diagnosis):
    return [f for f in diagnosis if f.code == "prior-sensitivity"]


SCHOOLS = "y | se(se) ~ 1 + (1 | school)"


def test_the_sd_of_eight_schools_is_a_note():
    priors = {"Intercept": P.Normal(0, 5), "sd_school": P.HalfCauchy(5)}
    fit = sl.Model(SCHOOLS, sl.load_dataset("eight_schools"), priors=priors).fit(seed=1, cores=1)
    (said,) = found_in(fit.diagnose())
    found = fit.sensitivity()
    value, by = found.loc["sd_school[Intercept]", ["sd_school[Intercept]", "pull"]]
    assert said.severity == "note" and said.evidence == (
        f"HalfCauchy(5) of sd_school[Intercept] moves it (sensitivity {value:.2g}). With twice the weight of "
        f"HalfCauchy(5) the mean of sd_school[Intercept] would be {-by:.2g} posterior sds lower."
    )
    # The Intercept's prior is said once, by the rule that knows what it shares with the data.
    assert found.loc["Intercept", "prior"] > 0.05 and found.loc["Intercept", "pull"] < -0.3
    assert "intercept-prior" in [f.code for f in fit.diagnose()]


def test_a_prior_against_the_data_is_a_warning():
    radon = sl.load_dataset("radon")
    model = sl.Model("log_radon ~ floor + (1 | county)", radon, priors={"floor": P.Normal(1, 0.05)})
    (said,) = found_in(model.fit(seed=1, cores=1, draws=500).diagnose())
    assert said.severity == "warning" and said.evidence.startswith("Normal(1, 0.05) of floor moves it (")
    assert "posterior sds higher" in said.evidence and said.evidence.endswith("disagree.")


def test_a_default_that_makes_the_conclusion_is_a_warning():
    """Three rows with a predictor all have the response: only the prior bounds the coefficient."""
    rows = pd.DataFrame({"y": np.tile([0, 1], 15), "rare": 0.0})
    rows.loc[[1, 3, 5], "rare"] = 1.0
    for chosen, severity in ((False, "warning"), (True, "note")):
        with pytest.warns(ShoalWarning, match="separation"):
            model = sl.Model("y ~ rare", rows, "bernoulli", {"rare": P.Normal(0, 8)} if chosen else None)
        (said,) = found_in(model.fit(seed=1, cores=1).diagnose())
        assert said.severity == severity and ("of rare (default) moves it" in said.evidence) != chosen


def test_well_informed_conclusions_are_not_spoken_of():
    women = sl.load_dataset("bangladesh")
    model = sl.Model("use_contraception ~ 1 + (1 | district)", women, "bernoulli")
    assert found_in(model.fit(seed=1, cores=1, draws=500).diagnose()) == []


def test_a_sensitivity_that_shifts_little_is_for_the_table():
    """Six groups: twice the weight of their sd's prior moves it by less than a third of a posterior sd."""
    fit = sl.Model("observation ~ 1 + (1 | group)", sl.simulate.one_way(omega=1.0, groups=6)).fit(
        seed=1, cores=1
    )
    row = fit.sensitivity(likelihood=False).loc["sd_group[Intercept]"]
    assert row["prior"] > 0.05 and -0.3 < row["pull"] < -0.1 and row["diagnosis"] == "a prior matters"
    assert found_in(fit.diagnose()) == []


def test_what_another_rule_says_is_not_said_twice():
    """A prior of the sd on another scale than the data."""
    table = sl.simulate.one_way(omega=10, groups=20)
    priors = {"sd_group": P.Exponential(10), "sigma": P.HalfNormal(1)}
    fit = sl.Model("observation ~ 1 + (1 | group)", table, priors=priors).fit(seed=1, cores=1)
    assert [f.code for f in fit.diagnose()] == ["sd-prior"]
    assert fit.sensitivity(likelihood=False).loc["sd_group[Intercept]", "prior"] > 0.5


def test_few_draws_say_nothing(fit):
    assert len(found_in(diagnose(part(fit, 300)))) == 1
    assert found_in(diagnose(part(fit, 150))) == []


def test_degrees_of_freedom_are_no_conclusion():
    """Their prior moves them whatever the data, and nothing with them."""
    fit = sl.Model("y ~ x0", ROWS, "student").fit(seed=1, cores=1, draws=500)
    row = fit.sensitivity(likelihood=False).loc["nu"]
    assert row["nu"] > 0.1 and abs(row["pull"]) > 0.3
    assert found_in(fit.diagnose()) == []


def of_another_program(**log_prior):
    """Return a tree of a mean near 2, which the data alone would put at 2.5, and of eight effects."""
    draws = hierarchy()
    draws["mu"] = 2 + 0.5 * draws["mu"]
    found = tree(draws)
    return found.assign({"log_prior": xr.DataTree(dataset(log_prior))}) if log_prior else found, draws


def test_draws_of_other_programs_are_judged_alike(tmp_path):
    _, draws = of_another_program()
    mu = draws["mu"]
    found, _ = of_another_program(
        mu=stats.norm.logpdf(mu, 0, 0.7), tau=stats.norm.logpdf(draws["tau"], 0, 50)
    )
    (said,) = found_in(diagnose(found))
    assert said.severity == "warning" and said.evidence.startswith("The prior of mu moves it (sensitivity 0.")
    assert "the weight of the prior of mu the mean of mu would be" in said.evidence
    assert "what the priors of mu, tau move" in diagnose(found).coverage
    found.to_netcdf(tmp_path / "trace.nc", engine="h5netcdf")
    assert str(diagnose(tmp_path / "trace.nc")) == str(diagnose(found))


def test_priors_of_other_programs_that_are_vague_or_vectors_are_not():
    """The density of group effects given their sd is one value a level: it belongs to the model."""
    _, draws = of_another_program()
    vague = stats.norm.logpdf(draws["mu"], 0, 30)
    effects = stats.norm.logpdf(draws["theta"], draws["mu"][..., None], draws["tau"][..., None])
    found, _ = of_another_program(mu=vague, theta=effects)
    assert found_in(diagnose(found)) == []
    assert "no log_prior group" in diagnose(of_another_program()[0]).coverage
