"""The lab: which coordinates can be trusted, by what figures, and what it refuses."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import oracles
import shoal as sl
from compiling import used_kernels
from refusals import refused
from shoal.engine.checks import EXAMINED
from shoal.engine.nuts_kernel import DIVERGENT
from shoal.engine.nuts_tree import DEEPEST
from shoal.errors import ModelError, SamplingError, ShoalError
from shoal.fit.results import Results
from shoal.model.variants import with_priors
from shoal.studies.lab import compare, measures, peer, runs, verdict
from shoal.studies.lab.variants import not_applicable

P = sl.priors
CHAINS, DRAWS = 2, 1000
RUN = {"draws": DRAWS, "chains": CHAINS, "seed": 3, "cores": 2, "progress": False}
SCHOOLS = {"Intercept": P.Normal(0, 5), "sd_school": P.HalfCauchy(5)}


def eight_schools():
    data = sl.load_dataset("eight_schools")
    return sl.Model("y | se(se) ~ 1 + (1 | school)", data, priors=SCHOOLS)


def table(rows=30):
    rng = np.random.default_rng(4)
    g = np.arange(rows) % 5
    return pd.DataFrame(
        {
            "y": g + rng.normal(size=rows),
            "x": rng.normal(size=rows),
            "w": rng.normal(size=rows),
            "b": rng.permutation(np.arange(rows) % 2),
            "a": rng.permutation(np.arange(rows) % 3),
            "g": np.array(["$a", "b]", "c", "d", "e"])[g],
        }
    )


@pytest.fixture(scope="module")
def schools():
    return sl.lab.compare_coordinates(eight_schools(), ("centered", "transport"), **RUN)


# What is run


def test_runs_are_those_of_a_fit_by_nuts_in_these_coordinates(schools):
    for name, fit in schools.fits.items():
        assert (fit.tree.attrs["sampler"], fit.tree.attrs["notes"]) == ("nuts", "[]")
        same = eight_schools().fit(
            DRAWS, CHAINS, 3, coordinates=name, sampler="nuts", target_accept=0.8, warmup=1000
        )
        assert same.tree["posterior"].to_dataset().identical(fit.tree["posterior"].to_dataset())


def test_a_divergence_is_what_stan_and_pymc_call_one():
    assert (DIVERGENT, DEEPEST) == (1000, 10)


def test_every_combination_is_run_and_named_by_what_tells_it_apart(monkeypatch):
    seen = []

    def pretend(attempt, settings, progress):
        seen.append((attempt, settings))
        return runs.Run(attempt, None, outcome="failed: on purpose")

    monkeypatch.setattr(compare, "run", pretend)
    varied = {"tight": {"sd": P.HalfNormal(0.1)}}
    comparison = sl.lab.compare_coordinates(
        eight_schools(), ["centered", "transport"], target_accept=(0.8, 0.99), priors=varied, seed=9
    )
    names = {
        f"{c}, {accept:g}, {prior}"
        for c in ("centered", "transport")
        for accept in (0.8, 0.99)
        for prior in ("as written", "tight")
    }
    assert set(comparison.table.index) == names and len(seen) == len(names)
    for attempt, settings in seen:
        assert settings.target_accept == attempt.target_accept and settings.seed == 9
        sd = attempt.model.priors["sd_school[Intercept]"].prior
        assert sd == (P.HalfNormal(0.1) if attempt.prior == "tight" else P.HalfCauchy(5))
    assert comparison.verdict == "No run gave draws."


def test_a_run_that_fails_is_a_row_with_its_reason(monkeypatch):
    def fails(*_, **__):
        raise SamplingError("density-too-low", "The density is zero.", "Not this.")

    monkeypatch.setattr(runs.fitting, "fit", fails)
    comparison = sl.lab.compare_coordinates(eight_schools(), "centered", **RUN)
    row = comparison.table.loc["centered"]
    assert row["outcome"] == "failed: The density is zero." and pd.isna(row["trustworthy"])
    assert not comparison.fits and "centered: failed: The density is zero." in str(comparison)
    with refused("no-draws"):
        comparison.plot()


# Figures


def test_centered_schools_diverge_and_transported_ones_are_exact(schools):
    row = schools.table
    assert row.at["centered", "divergences"] > 5 and not row.at["centered", "trustworthy"]
    assert row.at["transport", "divergences"] == 0 and row.at["transport", "trustworthy"]
    assert schools.references == {"as written": "transport"}
    data = sl.load_dataset("eight_schools")
    exact, fit = oracles.known_errors(data["y"], data["se"]), schools.fits["transport"]
    draws = {
        "mu": fit.tree["posterior"]["Intercept"].values,
        "tau": fit.tree["posterior"]["sd_school"].values,
        "theta": fit.levels().values[..., 0],
    }
    for name, values in draws.items():
        assert abs(oracles.z_scores(values, exact.mean[name], exact.sd[name])).max() < 4.5, name


def test_figures_are_those_of_the_fits(schools):
    for name, fit in schools.fits.items():
        row, stats = schools.table.loc[name], fit.tree["sample_stats"]
        summary = fit.summary([str(v) for v in fit.tree["posterior"].data_vars])
        assert row["ess_bulk"] == pytest.approx(summary["ess_bulk"].min(), rel=1e-6)
        assert row["r_hat"] == pytest.approx(summary["r_hat"].max(), rel=1e-6)
        assert summary["ess_bulk"].idxmin() == row["ess_bulk_of"]
        assert row["divergences"] == int(stats["diverging"].sum())
        assert row["trustworthy"] == fit.diagnose().trustworthy
        assert row["steps"] == pytest.approx(float(stats["n_steps"].mean()))
        least = min(row["ess_bulk"], row["ess_tail"])
        assert row["ess_per_second"] * row["seconds"] == pytest.approx(least)
        assert row["seconds"] > 0 and row["seconds_compiling"] == 0


def test_distance_finds_what_differs_and_by_how_much(schools):
    fit = schools.fits["transport"]
    nothing, count = measures.distance(fit, fit)
    assert nothing.value == 0 and count == 1 + 1 + 8 + 2  # Intercept, sd, effects; mean and sd of log sd
    moved = sl.Fit(replace(results_of(fit), tree=fit.tree.copy(deep=True)))
    draws = moved.tree["posterior"]["Intercept"]
    errors = oracles.moments_with_errors(draws.values)[1][0]
    moved.tree["posterior"]["Intercept"] = draws + 20 * errors
    found, _ = measures.distance(moved, fit)
    assert found.of == "Intercept" and found.value == pytest.approx(20 / np.sqrt(2), rel=0.05)


def test_distance_sees_a_neck_that_was_never_entered(schools):
    fit = schools.fits["transport"]
    short = sl.Fit(replace(results_of(fit), tree=fit.tree.copy(deep=True)))
    sd = short.tree["posterior"]["sd_school"]
    short.tree["posterior"]["sd_school"] = sd.clip(min=float(sd.quantile(0.15)))
    assert "of log sd_school" in measures.distance(short, fit)[0].of


def results_of(fit):
    return Results(fit.model.specification, fit.tree)


def test_of_many_effects_those_that_look_worst_are_examined():
    levels, rng = 200, np.random.default_rng(5)
    data = pd.DataFrame({"y": rng.normal(size=2 * levels), "g": np.arange(2 * levels) % levels})
    model = sl.Model("y ~ 1 + (1 | g)", data)
    effects = rng.normal(size=(2, 500, levels, 1))
    effects[:, :, 17] = 0.1 * effects[:, :, 17].cumsum(1)
    draws = {name: (("chain", "draw"), rng.normal(size=(2, 500))) for name in ("Intercept", "sigma")}
    draws["sd_g"] = (("chain", "draw", "g_effect"), rng.gamma(3, size=(2, 500, 1)))
    draws["r_g"] = (("chain", "draw", "g", "g_effect"), effects)
    coords = {"g": np.arange(levels), "g_effect": ["Intercept"]}
    tree = xr.DataTree.from_dict({"posterior": xr.Dataset(draws, coords)})
    fit = sl.Fit(Results(model.specification, tree))
    sizes = {chosen.variable: len(chosen.names) for chosen in measures.examined(fit)}
    assert sizes.pop("r_g") <= EXAMINED and sizes == {"Intercept": 1, "sigma": 1, "sd_g": 1}
    assert measures.quality(fit).bulk.of == measures.quality(fit).rhat.of == "r_g[17, Intercept]"


def test_one_chain_has_no_rhat(schools):
    fit = schools.fits["transport"]
    one = sl.Fit(replace(results_of(fit), tree=fit.tree.isel(chain=[0])))
    assert np.isnan(measures.quality(one).rhat.value) and measures.quality(one).bulk.value > 0


# Words


def test_verdict_names_what_to_trust_and_why(schools):
    first, *rest = schools.verdict.splitlines()
    assert first == "Trust transport; not centered."
    count = schools.table.at["centered", "divergences"]
    assert any(line.startswith(f"  centered: {count} divergences") for line in rest)
    assert any(line.startswith("  transport: no divergences, R-hat 1.0") for line in rest)
    header, *rows = str(schools).splitlines()[:3]
    assert "diverged" in header and [row.split()[1] for row in rows] == ["no", "yes"]


def rows(**of):
    base = {"outcome": "ran", "prior": "as written", "divergences": 0, "r_hat": 1.001, "z_of": "Intercept"}
    base |= {"ess_bulk": 900.0, "ess_tail": 800.0, "z": np.nan, "trustworthy": True}
    frame = pd.DataFrame({label: base | given for label, given in of.items()}).T
    frame["coordinates"] = [label.split(",")[0] for label in frame.index]
    return frame.infer_objects()


def test_verdict_of_sound_runs_says_whether_they_agree():
    agree = rows(transport={}, noncentered={"z": 2.0})
    text = verdict.verdict(agree, {"as written": "transport"}, 3.0)
    assert text.startswith("Trust transport and noncentered.")
    assert "agree with transport within 2.0 Monte Carlo standard errors" in text
    differ = verdict.verdict(rows(transport={}, noncentered={"z": 7.0}), {"as written": "transport"}, 3.0)
    assert "differ by 7.0 Monte Carlo standard errors in Intercept" in differ and "agree" not in differ


def test_verdict_counts_runs_and_admits_that_none_is_sound():
    bad = {"trustworthy": False, "divergences": 5}
    some = rows(**{"centered, 0.8": bad, "centered, 0.99": {}, "zero_sum, 0.8": bad, "zero_sum, 0.99": bad})
    text = verdict.verdict(some, {"as written": "centered, 0.99"}, 3.0)
    assert text.startswith("Trust no coordinates throughout; centered in some of the runs; not zero_sum.")
    assert "centered, 1 of 2 runs trustworthy: 0 to 5 divergences" in text
    none = verdict.verdict(rows(centered=bad), {}, 3.0)
    assert none.startswith("Trust none of these draws.") and "nothing to compare them with" in none


# Pictures


def test_funnels_share_axes_and_draw_the_numbers(schools):
    picture = schools.plot()
    panels = [axes for axes in picture.figure.axes if axes.get_title()]
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in panels}) == 1 and len(panels) == 2
    drawn = picture.numbers
    for axes, (name, fit) in zip(panels, schools.fits.items(), strict=True):
        mine = drawn[drawn["run"] == name]
        marks = np.concatenate([c.get_offsets() for c in axes.collections])
        expected = mine.sort_values("diverging", kind="stable")[["effect", "log_sd"]].to_numpy()
        assert np.allclose(marks, expected)
        first, posterior = mine.iloc[0], fit.tree["posterior"]
        where = {"chain": first["chain"], "draw": first["draw"]}
        assert first["log_sd"] == pytest.approx(float(np.log(posterior["sd_school"].sel(where).item())))
        assert axes.get_title().startswith(f"{name}\n{schools.table.at[name, 'divergences']} diverg")
    outside = ~drawn["effect"].between(*panels[0].get_xlim()) | ~drawn["log_sd"].between(
        *panels[0].get_ylim()
    )
    assert not outside.any() and "y" in picture.caption


def test_funnel_of_a_level_by_name_and_by_default_of_the_one_known_least(schools):
    sds = schools.fits["transport"].tree["posterior"]["r_school"].std(("chain", "draw"))[:, 0]
    assert f"r_school[{str(sds.idxmax().item())}]" in schools.plot().caption
    named = schools.plot("school", "Intercept", "C")
    assert "r_school[C]" in named.caption
    one = named.numbers.iloc[-1]
    effect = schools.fits[one["run"]].tree["posterior"]["r_school"].sel(school="C", school_effect="Intercept")
    assert one["effect"] == float(effect.sel(chain=one["chain"], draw=one["draw"]))


@pytest.fixture
def many(schools):
    """Return a comparison of 16 runs, whose draws are those of two."""
    table, fits = [], {}
    for name, accept, prior in product(schools.fits, (0.8, 0.9), ("as written", "a", "b", "c")):
        label = f"{name}, {accept:g}, {prior}"
        own = {"target_accept": accept, "prior": prior}
        table.append(schools.table.loc[[name]].assign(**own).set_axis([label]))
        fits[label] = schools.fits[name]
    return replace(schools, table=pd.concat(table), fits=fits, references={})


def test_of_many_runs_a_picture_shows_the_first(many):
    picture = many.plot()
    assert len(picture.figure.axes) == 12 and "The first 12 of 16 runs" in picture.caption
    assert picture.numbers["run"].unique().tolist() == list(many.table.index[:12])
    titles = [" ".join(axes.get_title().split()) for axes in picture.figure.axes]
    assert all(title.startswith(run) for title, run in zip(titles, many.table.index, strict=False))
    assert max(picture.figure.get_size_inches()) < 12


def test_runs_can_be_named(many):
    names = [f"{c}, {accept}, a" for accept in (0.8, 0.9) for c in ("centered", "transport")]
    picture = many.plot(runs=names)
    assert picture.numbers["run"].unique().tolist() == names and "The first" not in picture.caption
    # What tells them from the others is said, though they agree in it.
    assert picture.figure.axes[0].get_ylabel().startswith("a\ntarget_accept 0.8\n")
    assert many.plot(runs="transport, 0.9, c").numbers["run"].unique() == ["transport, 0.9, c"]
    assert len(many.plot(runs=names[:3]).figure.axes) == 3


def test_a_run_that_is_not_there(many):
    with refused("unknown-run", match=r"no run 'centered, 0.8, z'"):
        many.plot(runs="centered, 0.8, z")
    with refused("nothing-named"):
        many.plot(runs=[])
    without = replace(many, fits={"transport, 0.9, c": many.fits["transport, 0.9, c"]})
    with refused("no-draws", match="None of centered, 0.8, a gave draws"):
        without.plot(runs="centered, 0.8, a")


def test_a_fixed_sd_has_a_panel_of_its_own(many):
    """A prior that fixes it, among others: the axes keep a width."""
    fixed = sl.Fit(
        replace(
            results_of(many.fits["transport, 0.9, c"]),
            tree=many.fits["transport, 0.9, c"].tree.copy(deep=True),
        )
    )
    fixed.tree["posterior"]["sd_school"] = 0 * fixed.tree["posterior"]["sd_school"] + 2.0
    beside = replace(many, fits=many.fits | {"transport, 0.9, c": fixed})
    low, high = beside.plot(runs="transport, 0.9, c").figure.axes[0].get_ylim()
    assert low < np.log(2) < high


@pytest.mark.parametrize(
    ("where", "code"),
    [
        ({"level": "Z"}, "unknown-level"),
        ({"group": "town"}, "unknown-factor"),
        ({"effect": "x"}, "unknown-effect"),
    ],
)
def test_funnel_of_what_is_not_there(schools, where, code):
    with pytest.raises(ShoalError) as problem:
        schools.plot(**where)
    assert problem.value.code == code


def test_a_fixed_sd_has_no_funnel(schools):
    fit = schools.fits["transport"]
    fixed = sl.Fit(replace(results_of(fit), tree=fit.tree.copy(deep=True)))
    fixed.tree["posterior"]["sd_school"] = 0 * fixed.tree["posterior"]["sd_school"] + 2.0
    comparison = replace(schools, fits={"transport": fixed}, references={})
    for where in ({}, {"group": "school"}):
        with pytest.raises(ModelError, match="sd_school|no standard deviation"):
            comparison.plot(**where)


# Variants


def test_varied_priors_leave_the_others_as_they_were():
    given = {"sd_g": P.HalfNormal(0.1), "x": P.Normal(0, 1)}
    model = sl.Model("y ~ x + (1 | g)", table(), priors={"x": P.Normal(0, 1)}).specification
    wanted = sl.Model("y ~ x + (1 | g)", table(), priors=given).specification
    varied = with_priors(model, {"sd_g": P.HalfNormal(0.1)})
    assert varied.priors == wanted.priors and model.priors != wanted.priors


def test_a_shrinkage_prior_comes_and_goes():
    formula, shrunk = "y ~ x + w + (1 | g)", {"b": P.Horseshoe()}
    plain = sl.Model(formula, table(), priors={"b": P.Normal(0, 2)}).specification
    shrunken = sl.Model(formula, table(), priors=shrunk).specification
    assert with_priors(plain, shrunk).priors == shrunken.priors
    assert with_priors(shrunken, {"b": P.Normal(0, 2)}).priors == plain.priors
    assert "b" in with_priors(shrunken, {"x": P.Normal(0, 2)}).priors


REASONS = {
    "y ~ x": ("no effects of levels", "no effects of levels"),
    "y ~ x + (1 | g)": ("", ""),
    "y ~ x + (1 | gr(g, zero_sum=True))": ("", "sum to zero in the model"),
    "y ~ 0 + x + (1 | g)": ("", "no population coefficient"),
    "y ~ 0 + x + (x | g)": ("", ""),
}


@pytest.mark.parametrize("formula", REASONS)
def test_coordinates_that_mean_nothing_say_why(formula):
    model = sl.Model(formula, table()).specification
    for coordinates, reason in zip(("centered", "zero_sum"), REASONS[formula], strict=True):
        found = not_applicable(model, coordinates)
        assert reason in found and bool(reason) == bool(found)
    assert not_applicable(model, "noncentered") == not_applicable(model, "transport") == ""


def test_a_population_coefficient_that_cannot_move_is_a_reason():
    for prior in (P.Fixed(0.0), P.StudentT(4, 0, 1)):
        model = sl.Model("y ~ x + (1 | g)", table(), priors={"Intercept": prior}).specification
        assert "Intercept is fixed, or its prior is not normal" in not_applicable(model, "zero_sum")


def test_known_covariances_and_latents_are_reasons():
    cov = pd.DataFrame(np.eye(5) + 0.2, index=sorted(set(table()["g"])), columns=sorted(set(table()["g"])))
    known = sl.Model("y ~ x + (1 | gr(g, cov=K))", table(), covariances={"K": cov}).specification
    assert "known covariance" in not_applicable(known, "zero_sum")
    responses = [
        sl.Response("y ~ x + latent(u | g)"),
        sl.Response("b ~ x + latent(u | g)", family="bernoulli"),
    ]
    latents = sl.Model(responses, table()).specification
    assert {not_applicable(latents, c) for c in ("centered", "zero_sum")} == {
        "latents are standard normal as they are"
    }


def test_a_row_that_does_not_apply_has_no_draws_and_a_panel_with_the_reason(schools):
    model = sl.Model("y ~ x + (1 | gr(g, zero_sum=True))", table())
    comparison = sl.lab.compare_coordinates(model, "zero_sum")
    assert comparison.table.at["zero_sum", "outcome"].startswith("not applicable: the effects of g")
    assert "zero_sum: not applicable" in str(comparison)
    beside = replace(schools, table=pd.concat([schools.table, comparison.table]))
    texts = [text.get_text() for axes in beside.plot().figure.axes for text in axes.texts]
    assert [" ".join(text.split()) for text in texts] == [comparison.table.at["zero_sum", "outcome"]]


# Refusals


@pytest.mark.parametrize(
    ("given", "needed"),
    [
        ({"coordinates": "centred"}, "Did you mean 'centered'"),
        ({"coordinates": ()}, "No coordinates"),
        ({"target_accept": 1.0}, "between 0 and 1"),
        ({"target_accept": ()}, "empty"),
        ({"target_accept": "0.8"}, "between 0 and 1"),
        ({"target_accept": True}, "between 0 and 1"),
        ({"warmup": 999}, "at least 1,000"),
        ({"draws": 2.5}, "integer of at least 4"),
        ({"chains": 0}, "at least 1"),
        ({"seed": -1}, "at least 0"),
        ({"priors": [P.HalfNormal(1)]}, "From labels to priors"),
        ({"priors": {"tight": P.HalfNormal(1)}}, "mapping from names"),
        ({"priors": {"as written": {"sd": P.HalfNormal(1)}}}, "other than 'as written'"),
    ],
    ids=str,
)
def test_what_cannot_be_run_is_refused_before_anything_is_compiled(given, needed, monkeypatch):
    with used_kernels(monkeypatch) as used, pytest.raises(ModelError, match=needed):
        sl.lab.compare_coordinates(eight_schools(), **given)
    assert used == []


def test_priors_of_parameters_that_are_not_there_are_refused():
    with refused("unknown-parameter"):
        sl.lab.compare_coordinates(eight_schools(), priors={"tight": {"sd_town": P.HalfNormal(1)}})


# nutpie


def test_without_nutpie_the_remedy_is_named(monkeypatch):
    def nothing(name):
        return None

    monkeypatch.setattr(peer, "find_spec", nothing)
    with refused("package-missing", match="pip install pymc nutpie, or leave 'nutpie' out"):
        sl.lab.compare_coordinates(eight_schools(), ("transport", "nutpie"))


@pytest.mark.slow
def test_nutpie_samples_the_same_posterior_with_the_same_names(tmp_path):
    pytest.importorskip("nutpie", reason="the peer's sampler is not installed")
    pytest.importorskip("pymc", reason="nutpie samples the PyMC export")
    model = sl.Model("y ~ x + (1 + x | g)", table(60), priors={"sd": P.Gamma(4, 4)})
    comparison = sl.lab.compare_coordinates(model, ("nutpie", "transport"), target_accept=0.95, **RUN)
    theirs, ours = comparison.fits["nutpie"], comparison.fits["transport"]
    assert theirs.tree["posterior"].sizes == ours.tree["posterior"].sizes
    assert list(theirs.tree["posterior"].data_vars) == list(ours.tree["posterior"].data_vars)
    assert theirs.tree.attrs["sampler"] == "nutpie"
    worst, count = measures.distance(theirs, ours)
    assert count > 10 and worst.value < 5
    again = sl.load(theirs.save(tmp_path / "theirs.nc"))
    assert again.tree["posterior"].to_dataset().equals(theirs.tree["posterior"].to_dataset())
