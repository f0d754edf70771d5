"""Each finding appears when its cause does, and only then."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import shoal as sl
from shoal.criticism.diagnosis import Diagnosis, Finding, diagnose
from shoal.engine import checks
from shoal.engine.checks import screen
from shoal.fit.results import Results
from shoal.model import ResolvedPrior

CHAINS, DRAWS = 4, 1000


@pytest.fixture(scope="module")
def fit():
    table = sl.simulate.one_way(omega=1.0, groups=6)
    return sl.Model("observation ~ 1 + (1 | group)", table).fit(seed=1, cores=1)


def with_draws(fit, attrs=None, stats=None, **draws):
    """Return the results of `fit` with some draws, statistics or attributes replaced."""
    results = fit._results
    posterior, sampler = (results.tree[name].to_dataset() for name in ("posterior", "sample_stats"))
    for name, values in draws.items():
        posterior[name] = (posterior[name].dims, np.broadcast_to(values, posterior[name].shape))
    for name, values in (stats or {}).items():
        sampler[name] = (("chain", "draw"), values)
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": sampler})
    tree.attrs = {**results.tree.attrs, **(attrs or {})}
    return Results(results.model, tree)


def codes(diagnosis):
    return [f.code for f in diagnosis]


def noise(seed=0):
    return np.random.default_rng(seed).normal(size=(CHAINS, DRAWS))


def test_a_good_fit_has_no_findings(fit):
    d = fit.diagnose()
    assert d.ok and codes(d) == []
    assert "can be trusted" in d.verdict
    assert "9 quantities" in d.examined and "of 4,000 draws" in d.examined


def test_chains_that_disagree(fit):
    d = diagnose(with_draws(fit, sigma=np.exp(noise() + np.array([0, 0, 0, 3])[:, None])))
    assert not d.ok and "rhat" in codes(d)
    finding = next(f for f in d if f.code == "rhat")
    assert finding.severity == "error" and "sigma" in finding.evidence and "Intercept" not in finding.evidence
    assert "Do not trust" in d.verdict


def test_draws_that_hardly_move(fit):
    """An autoregression of coefficient 0.98 has about 1/99 as many effective draws."""
    walk, innovation = np.zeros((CHAINS, DRAWS)), noise()
    for i in range(1, DRAWS):
        walk[:, i] = 0.98 * walk[:, i - 1] + innovation[:, i]
    finding = next(f for f in diagnose(with_draws(fit, sigma=np.exp(walk))) if f.code == "ess")
    assert finding.severity == "error"
    assert finding.evidence.startswith("Effective sample size below 100 a chain: sigma")


def test_the_worst_group_effect_is_found_among_thousands(fit):
    effects = np.random.default_rng(0).normal(size=(500, CHAINS, DRAWS))
    effects[321] = np.sort(effects[321], axis=1)
    assert 321 in screen(effects) and len(screen(effects)) < 50


def test_a_parameter_that_is_known_is_not_examined(fit):
    d = diagnose(with_draws(fit, sigma=0.75))
    assert d.ok and "8 quantities" in d.examined


def test_the_level_meant_is_named(fit):
    r = fit.tree["posterior"]["r_group"].values.copy()
    r[3, :, 4] += 10
    assert "r_group[4" in next(f for f in diagnose(with_draws(fit, r_group=r)) if f.code == "rhat").evidence


def test_divergences_are_counted(fit):
    diverging = np.zeros((CHAINS, DRAWS), bool)
    diverging[1, [3, 7, 9]] = True
    d = diagnose(with_draws(fit, stats={"diverging": diverging}))
    assert codes(d) == ["divergences"] and "3 of 4,000" in next(iter(d)).evidence


def test_energy_that_moves_too_slowly(fit):
    """E-BFMI is about 2 for independent energies and near 0 for a random walk."""
    assert diagnose(with_draws(fit, stats={"energy": noise()})).ok
    d = diagnose(with_draws(fit, stats={"energy": noise().cumsum(1)}))
    assert codes(d) == ["energy"] and not d.ok
    assert "sound; mind the warnings" in d.verdict


@pytest.mark.parametrize(
    "sampler, k, expected",
    [("independence", 0.75, ["pareto-k"]), ("independence", 0.6, []), ("hmc", 0.75, [])],
)
def test_a_thin_tail_of_the_proposals(fit, sampler, k, expected):
    d = diagnose(with_draws(fit, attrs={"sampler": sampler, "sampler_facts": json.dumps({"pareto_k": k})}))
    assert codes(d) == expected


def test_what_happened_on_the_way_is_a_note(fit):
    d = diagnose(with_draws(fit, attrs={"notes": json.dumps(["NUTS took over."])}))
    assert d.ok and [(f.severity, f.evidence) for f in d] == [("note", "NUTS took over.")]


def test_one_chain_is_a_note(fit):
    names = ("posterior", "sample_stats")
    tree = xr.DataTree.from_dict({name: fit.tree[name].to_dataset().isel(chain=[0]) for name in names})
    tree.attrs = fit.tree.attrs
    d = diagnose(replace(fit._results, tree=tree))
    assert d.ok and codes(d)[0] == "one-chain"


def test_findings_are_printed_most_serious_first(fit):
    d = diagnose(
        with_draws(
            fit,
            attrs={"notes": json.dumps(["By the way."])},
            stats={"diverging": np.ones((CHAINS, DRAWS), bool), "energy": noise().cumsum(1)},
        )
    )
    assert [f.severity for f in d] == ["error", "warning", "note"]
    lines = str(d).splitlines()
    assert lines[0] == d.verdict
    assert lines[1].startswith("[error] divergences: 4000 of 4,000") and lines[2].startswith("    ")


def test_notes_do_not_make_a_fit_bad():
    note, warning = (Finding("x", severity, "", "") for severity in ("note", "warning"))
    assert Diagnosis((note,), "").ok and not Diagnosis((note, warning), "").ok


# Priors that speak louder than the data


def seed_000(omega, groups, formula="observation ~ 1 + (1 | group)", mu_sd=1.0):
    priors = {
        "Intercept": sl.priors.Normal(0, mu_sd),
        "sigma": sl.priors.HalfNormal(1),
        "sd_group": sl.priors.HalfNormal(10),
    }
    table = sl.simulate.one_way(omega=omega, groups=groups)
    return sl.Model(formula, table, priors=priors).fit(seed=7, cores=1)


def test_an_intercept_located_by_its_prior_is_a_warning():
    """Five levels of sd 10 locate their mean to 4.5; Normal(0, 1) says much more than they do."""
    fit = seed_000(10, 5)
    finding = next(f for f in fit.diagnose() if f.code == "intercept-prior")
    assert finding.severity == "warning"
    assert "Normal(0, 1)" in finding.evidence and "5 levels" in finding.evidence
    share = fit.tree["posterior"]["Intercept"].values.var()
    assert f"{100 * share:.0f}%" in finding.evidence
    assert "Normal(0, " in finding.remedy
    interval = fit.finite_population().loc[("Intercept", "population")]
    assert interval["eti90_ub"] < 2  # what the warning is about: the true mu is missed


@pytest.mark.parametrize("omega, mu_sd", [(0.1, 1.0), (10, 100.0)])
def test_an_intercept_located_by_the_data_is_not(omega, mu_sd):
    assert "intercept-prior" not in codes(seed_000(omega, 5, mu_sd=mu_sd).diagnose())


def test_a_zero_sum_fit_says_whose_mean_it_is():
    d = seed_000(10, 5, "observation ~ 1 + (1 | gr(group, zero_sum=True))").diagnose()
    assert d.ok and codes(d) == ["finite-population"]
    assert "mean of these 5 levels" in next(iter(d)).evidence


def test_without_an_intercept_the_columns_are_named():
    table = sl.simulate.varying_slopes(groups=5, rows=20)
    model = sl.Model("y ~ 0 + x1 + x2 + (0 + x1 + x2 || gr(group, zero_sum=True))", table)
    found = one(model.fit(draws=50, chains=2, seed=1).diagnose(), "finite-population")
    assert "x1, x2 are the means of these 5 levels" in found.evidence


def test_the_factor_that_locates_the_mean_least_is_named():
    """Of two crossed factors that with the largest sd / sqrt(levels), not that with fewest levels."""
    rng = np.random.default_rng(4)
    few, many = np.repeat([0, 1, 2], 40), np.tile(np.arange(8), 15)
    y = 0.05 * rng.normal(size=3)[few] + 10 * rng.normal(size=8)[many] + 0.1 * rng.normal(size=120)
    data = {"y": y, "few": few, "many": many}
    fit = sl.Model("y ~ 1 + (1 | few) + (1 | many)", data, priors={"Intercept": sl.priors.Normal(0, 1)})
    found = one(fit.fit(draws=100, chains=2, seed=1).diagnose(), "intercept-prior")
    assert "8 levels of many" in found.evidence


def test_bad_coordinates_are_found_out():
    """Eight schools centered: the funnel that started it all."""
    schools = sl.load_dataset("eight_schools")
    priors = {"Intercept": sl.priors.Normal(0, 5), "sd_school": sl.priors.HalfCauchy(5)}
    model = sl.Model("y | se(se) ~ 1 + (1 | school)", schools, priors=priors)
    d = model.fit(seed=1, cores=1, coordinates="centered").diagnose()
    assert not d.ok and {"divergences", "ess"} <= set(codes(d))


# What the model adds


def women(districts):
    table = sl.load_dataset("bangladesh")
    return table[table["district"].isin(sorted(table["district"].unique())[:districts])]


def bangladesh(districts, sd, **how):
    priors = {"Intercept": sl.priors.Normal(0, 1.5), "sd_district": sd}
    formula = "use_contraception ~ 1 + (1 | district)"
    return sl.Model(formula, women(districts), "bernoulli", priors).fit(**{"seed": 1, "cores": 1, **how})


@pytest.fixture(scope="module")
def three():
    return bangladesh(3, sl.priors.Exponential(1))


def one(diagnosis, code):
    (found,) = [f for f in diagnosis if f.code == code]
    return found


def test_three_districts_cannot_tell_how_much_districts_differ(three):
    """Seed 001: the sd between three districts is its prior, and one of them holds two women."""
    d = three.diagnose()
    assert d.trustworthy and not d.ok
    assert "under Exponential(1)" in one(d, "sd-is-prior").evidence
    assert "3 levels of district" in one(d, "sd-is-prior").evidence
    edges = one(d, "edges")
    assert edges.severity == "warning" and "at the ceiling: 3 (n 2)" in edges.evidence


def test_sixty_districts_can():
    d = bangladesh(60, sl.priors.Exponential(1), draws=500).diagnose()
    assert d.ok and codes(d) == ["edges"]
    assert "3 of 60 levels" in one(d, "edges").evidence


def test_an_sd_prior_on_another_scale_than_the_data():
    table = sl.simulate.one_way(omega=10, groups=20)
    priors = {"sd_group": sl.priors.Exponential(10), "sigma": sl.priors.HalfNormal(1)}
    d = sl.Model("observation ~ 1 + (1 | group)", table, priors=priors).fit(seed=1, cores=1).diagnose()
    assert codes(d) == ["sd-prior"] and "Exponential(10) expects less than" in one(d, "sd-prior").evidence


def test_an_sd_that_is_known_is_not_judged(three):
    model = three._results.model
    known = {**model.priors, "sd_district[Intercept]": ResolvedPrior(sl.priors.Fixed(0.5), False)}
    d = diagnose(replace(three._results, model=replace(model, priors=known)))
    assert d.ok and codes(d) == ["edges", "intercept-prior"]


def test_centered_coordinates_of_three_districts_have_a_neck():
    """The place of Shoal's own divergences, its remedy its own coordinates."""
    fit = bangladesh(3, sl.priors.Exponential(1), coordinates="centered", sampler="nuts", target_accept=0.7)
    found = one(fit.diagnose(), "funnel")
    assert (
        "sd_district[Intercept] is small" in found.evidence and "r_district (over district)" in found.evidence
    )
    assert "coordinates='auto'" in found.remedy


def test_zero_sum_effects_that_do_not():
    fit = seed_000(1, 5, "observation ~ 1 + (1 | gr(group, zero_sum=True))")
    r = fit.tree["posterior"]["r_group"].values + 0.01
    d = diagnose(with_draws(fit, r_group=r))
    assert one(d, "zero-sum").severity == "error" and "sums go up to 0.05" in one(d, "zero-sum").evidence


def test_effects_that_were_not_kept_are_not_missed(three):
    left = three.tree["posterior"].to_dataset().drop_vars("r_district")
    tree = xr.DataTree.from_dict({"posterior": left, "sample_stats": three.tree["sample_stats"].to_dataset()})
    tree.attrs = three.tree.attrs
    assert codes(diagnose(replace(three._results, tree=tree))) == codes(three.diagnose())


def test_a_saved_fit_is_judged_as_the_fit(three, tmp_path):
    path = three.save(tmp_path / "fit.nc")
    expected = str(three.diagnose())
    assert str(sl.diagnose(path)) == str(sl.diagnose(str(path))) == str(sl.diagnose(three)) == expected
    assert "Examined" not in expected


def test_a_tree_is_judged_as_the_fit(three):
    assert str(sl.diagnose(three.tree)) == str(three.diagnose())


def test_a_part_of_a_tree_is_judged_as_any_programs(fit):
    part = fit.tree.filter(is_no_constant)
    d = sl.diagnose(part)
    assert d.ok and d.source.startswith("Shoal") and "sd_group[Intercept] of r_group" in d.coverage
    assert "give all of it, or its file" in d.coverage


def is_no_constant(node):
    return node.name != "constant_data"


# Acceptance, whose aim a fit keeps


def accepted(fit, rates):
    return with_draws(fit, stats={"acceptance_rate": np.repeat(np.c_[rates], DRAWS, 1)})


@pytest.fixture(scope="module")
def by_nuts():
    return bangladesh(3, sl.priors.Exponential(1), sampler="nuts")


def test_acceptance_as_aimed_at_is_no_finding(by_nuts):
    assert "acceptance" not in codes(by_nuts.diagnose())
    assert "acceptance" not in codes(diagnose(accepted(by_nuts, [0.72, 0.9, 0.9, 0.99])))


def test_an_aim_that_was_asked_for_is_known(by_nuts):
    """Half of the proposals accepted is little, unless it was asked for."""
    fit = bangladesh(10, sl.priors.Exponential(1), sampler="nuts", target_accept=0.5, seed=1)
    rates = [0.5, 0.45, 0.55, 0.5]
    assert "acceptance" not in codes(diagnose(accepted(fit, rates)))
    assert "acceptance" in codes(diagnose(accepted(by_nuts, rates)))


def test_acceptance_far_from_the_fits_aim(by_nuts):
    found = one(diagnose(accepted(by_nuts, [0.9, 0.9, 0.65, 0.9])), "acceptance")
    assert found.severity == "warning"
    assert "Chain 2 accepts 0.65 of its proposals; step sizes aim at 0.9." in found.evidence
    lower = with_draws(by_nuts, attrs={"sampler_facts": json.dumps({"target_accept": 0.5})})
    found = one(diagnose(lower), "acceptance")
    assert found.severity == "note" and "its step size aimed at 0.5" in found.evidence


def test_steps_that_are_as_long_as_they_can_be_are_no_finding():
    """Trajectories turn by a quarter at most: a nearly normal posterior accepts more than is aimed at."""
    fit = bangladesh(3, sl.priors.Exponential(1), sampler="hmc", target_accept=0.5)
    assert (fit.tree["sample_stats"]["acceptance_rate"].values.mean(1) > 0.7).all()


def test_a_run_that_nuts_took_over_says_so_in_one_sentence(monkeypatch):
    found = iter([["R-hat 1.20"], []])
    monkeypatch.setattr(checks, "failures", lambda *_: next(found))
    notes = [f for f in bangladesh(3, sl.priors.Exponential(1), draws=20).diagnose() if f.code == "run"]
    assert [f.evidence for f in notes] == [
        "The first run, by alternating, failed its checks (R-hat 1.20): "
        "these draws are from NUTS on the same density."
    ]


def test_without_pooling_it_is_the_prior_that_holds_levels_at_an_edge(three):
    fit = three.model.with_pooling("none", sd=1.5).fit(seed=1, cores=1)
    found = one(fit.diagnose(), "edges")
    assert found.severity == "note" and "only their prior, whose sd is fixed, keeps its" in found.evidence
    assert "pooling" not in str(found) and "other levels" not in str(found)


def test_a_model_without_groups_and_one_chain():
    model = sl.Model("surv | trials(density) ~ 1 + pred", sl.load_dataset("reedfrogs"), "binomial")
    assert codes(model.fit(chains=1, seed=1, cores=1).diagnose()) == ["one-chain"]
