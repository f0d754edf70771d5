"""The tables of a report: their numbers are those of the fit, with digits that the draws support."""

import numpy as np
import pytest

import shoal as sl
from report.cases import ODD, RUN, fit
from shoal.estimands.r2 import r2
from shoal.fit.results import Results
from shoal.report.effects import ALL_SHOWN, FROM_EACH_END, effect_tables, explained, kept, variance_table
from shoal.report.figures import decimals, fixed, percent, short
from shoal.report.parameters import Parameters
from shoal.report.run import again, data_table, run_facts


def value(text):
    """Return the number that a cell shows."""
    return float(text.replace("−", "-").replace(",", "").rstrip("*%"))


def ends(text):
    return tuple(map(value, text.split(" to ")))


# Figures


@pytest.mark.parametrize(
    ("error", "places"), [(0.0017, 3), (0.01, 2), (0.4, 1), (3.0, 0), (1e-12, 6), (0.0, 3), (np.nan, 3)]
)
def test_decimals_end_where_the_monte_carlo_error_begins(error, places):
    assert decimals(error) == places


@pytest.mark.parametrize(
    ("number", "places", "text"),
    [
        (-0.5401, 3, "−0.540"),
        (-0.0001, 2, "0.00"),
        (12345.6, 0, "12,346"),
        (np.nan, 2, "–"),
        (np.inf, 1, "∞"),
    ],
)
def test_fixed_numbers(number, places, text):
    assert fixed(number, places) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (0.05752, "0.0575"),
        (-4.071, "−4.07"),
        (123.4, "123"),
        (2.5e7, "2.50e+07"),
        (-np.inf, "−∞"),
    ],
)
def test_short_numbers_keep_three_digits(number, text):
    assert short(number) == text


def test_shares_are_percentages():
    assert (percent(0.956), percent(-0.2), percent(np.nan)) == ("96%", "−20%", "–")


# Parameters


@pytest.mark.parametrize("name", ["odd", "ordered", "two responses"])
def test_accuracy_is_that_of_the_draws(name):
    table, frame, summary = (
        Parameters(fit(name)._results, 0.8).accuracy(),
        fit(name).to_frame(),
        fit(name).summary(),
    )
    assert list(table.columns[4:6]) == ["10%", "90%"]
    for row in table.rows:
        draws = frame[row[0]].to_numpy(float)
        half = 0.51 * 10.0 ** -decimals(value(row[6]))
        spread = draws.std(ddof=1)
        expected = [draws.mean(), spread, *np.quantile(draws, [0.1, 0.9])]
        assert [value(cell) for cell in row[2:6]] == pytest.approx(expected, abs=half)
        if row[0] in summary.index:
            line = summary.loc[row[0]]
            assert value(row[7]) == pytest.approx(line["ess_bulk"], abs=0.51)
            assert value(row[9]) == pytest.approx(line["r_hat"], abs=0.00051)


@pytest.mark.parametrize("name", ["odd", "ordered", "two responses", "not kept", "fixed"])
def test_every_parameter_has_one_row(name):
    results = fit(name)._results
    rows = Parameters(results, 0.9).accuracy().rows
    posterior = results.posterior
    sizes = {v: int(np.prod(posterior[v].shape[2:])) for v in results.hyperparameters()}
    correlations = {group.cor: 1 for group in results.model.groups if group.correlated}  # two effects each
    assert len(rows) == sum((sizes | correlations).values())
    assert len({row[0] for row in rows}) == len(rows)
    assert [row[0] for row in rows] == [row[0] for row in Parameters(results, 0.9).priors().rows]


def test_priors_stand_beside_posteriors():
    table = Parameters(fit("odd")._results, 0.9).priors()
    rows = {row[0]: row for row in table.rows}
    frame = fit("odd").to_frame()
    name = "x $_1$ <b>"
    assert rows[name][2] == "Normal(0, 2)" and rows["sigma"][2].endswith("default")
    assert rows["Intercept"][2].endswith("default, on the mean at average columns")
    assert ends(rows[name][3]) == pytest.approx((-3.29, 3.29), abs=0.15)
    low, high = np.quantile(frame[name], [0.05, 0.95])
    assert ends(rows[name][4]) == pytest.approx((low, high), rel=0.01)
    before = ends(rows[name][3])
    assert value(rows[name][5]) == pytest.approx(100 * (1 - (high - low) / (before[1] - before[0])), abs=1)


def test_what_is_fixed_says_so():
    parameters = Parameters(fit("fixed")._results, 0.9)
    for row in parameters.priors().rows:
        assert "Fixed(" in row[2] and row[4] == "fixed"
    assert all(row[3] == "fixed" for row in parameters.accuracy().rows)
    assert parameters.least_sampled(4) == []


def test_those_sampled_worst_are_found():
    parameters, summary = Parameters(fit("ordered")._results, 0.9), fit("ordered").summary()
    worst = summary[["ess_bulk", "ess_tail"]].min(axis=1).nsmallest(2).index
    assert set(parameters.least_sampled(2)) == set(worst)


def test_of_equal_effective_sizes_the_worst_is_never_left_out():
    parameters = Parameters(fit("ordered")._results, 0.9)
    parameters.summary = parameters.summary.copy()
    names = [scalar.name for scalar in parameters.scalars if scalar.varies]
    parameters.summary[["ess_bulk", "ess_tail"]] = 80.0
    parameters.summary.iloc[-1, parameters.summary.columns.get_loc("ess_tail")] = 50.0
    assert parameters.least_sampled(2) == [names[0], names[-1]]


# Group effects


def test_few_levels_are_all_listed_in_order():
    results = fit("odd")._results
    (design,) = results.model.designs
    tables = effect_tables(results, design, design.groups[0], 0.9).values()
    assert len(tables) == 2
    for k, table in enumerate(tables):
        effects = fit("odd").effects().iloc[k::2].sort_values("mean")
        assert [row[0] for row in table.rows] == effects.iloc[:, 0].tolist()
        assert sorted(row[0] for row in table.rows) == sorted(ODD)
        for row, (_, line) in zip(table.rows, effects.iterrows(), strict=True):
            half = 0.51 * 10.0 ** -(len(row[5]) - row[5].find(".") - 1)
            shown = [value(row[i]) for i in (2, 3, 4, 5)]
            expected = line[["no_pooling", "no_pooling_sd", "mean", "sd"]].astype(float).tolist()
            assert shown == pytest.approx(expected, abs=half)
            assert ends(row[6]) == pytest.approx((line["eti90_lb"], line["eti90_ub"]), abs=half)


def test_of_many_levels_the_extremes_are_listed_and_counted():
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(ALL_SHOWN + 6), 4)
    many = sl.Model("y ~ 1 + (1 | g)", {"y": rng.normal(size=g.size) + g / 10, "g": g}).fit(**RUN)
    (design,) = many._results.model.designs
    (table,) = effect_tables(many._results, design, design.groups[0], 0.9).values()
    means = many.effects().sort_values("mean")["g"].astype(str).tolist()
    assert [row[0] for row in table.rows] == means[:FROM_EACH_END] + means[-FROM_EACH_END:]
    assert table.caption.startswith(f"The 8 lowest and 8 highest of {ALL_SHOWN + 6} levels of g")
    assert "star" not in table.caption


def test_levels_that_only_the_prior_keeps_finite_are_starred():
    results = fit("ordered")._results
    (design,) = results.model.designs
    (table,) = effect_tables(results, design, design.groups[0], 0.9).values()
    assert [row[0] for row in table.rows if row[2].endswith("*")] == ["q"]
    assert "A star" in table.caption


def test_effects_that_were_not_kept_are_known():
    assert kept(fit("odd")._results) and kept(fit("no groups")._results)
    assert not kept(fit("not kept")._results)


def test_shares_of_variance_are_those_of_the_fit():
    results = fit("two responses")._results
    for design, name in zip(results.model.designs, ("y", "v"), strict=True):
        table = variance_table(results, design, 0.9)
        parts = fit("two responses").variance_partition(name)
        assert [row[0] for row in table.rows] == parts.index.tolist()
        assert [value(row[2]) for row in table.rows] == pytest.approx(100 * parts["share_mean"], abs=0.51)


# How it was made


def test_data_are_counted():
    rows = data_table(fit("two responses")._results.model).rows
    assert ["v", "rows", "24", ""] in rows and ["g", "levels of u", "4", ""] in rows
    assert ["h", "levels", "3", "8"] in rows
    assert ["grade", "categories", "4", ""] in data_table(fit("ordered")._results.model).rows


def test_the_run_says_its_versions_and_seconds():
    facts = dict(run_facts(fit("odd")._results))
    assert {"Coordinates", "Seconds: sampling", "Written", "shoal", "numba", "numpy"} <= set(facts)
    assert facts["Written"].endswith(" UTC")


@pytest.mark.parametrize("name", ["odd", "two responses", "fixed"])
def test_the_lines_given_make_the_same_draws(name):
    lines = again(fit(name)._results).replace("data = ...  # the same table\n", "").splitlines()
    lines[-1] = lines[-1].replace("seed=5", "seed=5, cores=1")
    assert "seed=5, cores=1, warmup=100" in lines[-1]
    scope = {"data": fit(name)._results.model.table.frame}
    exec("\n".join(lines), scope)
    for variable, draws in fit(name).tree["posterior"].data_vars.items():
        np.testing.assert_allclose(scope["fit"].tree["posterior"][variable], draws, rtol=1e-10)


def test_what_the_user_asked_of_the_sampler_is_said():
    results = fit("no groups")._results
    tree = results.tree.copy()
    plan = str(fit("no groups").model.posterior("noncentered", "nuts").plan)
    tree.attrs |= {"plan": plan, "sampler": "nuts", "sampled_coordinates": "noncentered"}
    asked = again(Results(results.model, tree))
    assert asked.endswith("seed=5, warmup=100, sampler='nuts', coordinates='noncentered')")
    assert again(results).endswith("seed=5, warmup=100)")


@pytest.mark.parametrize("name", ["one chain", "two responses"])
def test_shares_that_are_explained_are_those_of_the_fit(name):
    results = fit(name)._results
    for design in results.model.designs:
        table = explained(results, design, 0.9)
        expected = r2(results, design.prefix.rstrip("_") or None).table
        assert [row[0] for row in table.rows] == list(expected.index)
        assert [row[1] for row in table.rows] == [percent(value) for value in expected["mean"]]


@pytest.mark.parametrize(("name", "reason"), [("ordered", "categories"), ("not kept", "not kept")])
def test_why_nothing_is_explained_is_said(name, reason):
    results = fit(name)._results
    (text,) = explained(results, results.model.designs[0], 0.9).texts
    assert text.startswith("R2 cannot be given.") and reason in text
