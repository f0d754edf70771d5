"""The summary: ArviZ's table of parameters, or of the coefficients of levels."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from arviz_stats import summary as arviz_summary
from arviz_stats.base import array_stats
from estimand_cases import FEW, RUN, draws, rows

import shoal as sl
from refusals import refused
from shoal.errors import ModelError


@pytest.fixture(scope="module")
def normal():
    return sl.Model("y ~ x + (1 + x | g)", rows()).fit(**RUN)


@pytest.fixture(scope="module")
def intercepts():
    return sl.Model("y ~ 1 + (1 | g)", rows()).fit(**RUN)


def shortest(prob, values):
    """Return the shortest interval between draws that holds `prob` of them."""
    values = np.sort(values)
    held = int(np.floor(prob * len(values)))
    width = values[held:] - values[:-held]
    return values[width.argmin()], values[width.argmin() + held]


@pytest.mark.parametrize("kind, prob", [("eti", 0.9), ("eti", 0.5), ("hdi", 0.94)])
def test_summary_is_that_of_arviz_and_states_its_interval(intercepts, kind, prob):
    ours = intercepts.summary(prob=prob, kind=kind)
    chosen = intercepts.tree["posterior"].to_dataset()[["Intercept", "sd_g", "sigma"]]
    theirs = arviz_summary(
        xr.DataTree.from_dict({"posterior": chosen}), ci_prob=prob, ci_kind=kind, round_to="none"
    )
    bounds = [f"{kind}{100 * prob:g}_lb", f"{kind}{100 * prob:g}_ub"]
    assert ours.columns.tolist() == theirs.columns.tolist() and set(bounds) <= set(ours.columns)
    # arviz-stats 0.8 gives equal-tailed bounds for both kinds, other tails, and the sd of a whole population.
    other = [*bounds, "sd", "ess_tail", "mcse_mean", "mcse_sd"]
    pd.testing.assert_frame_equal(ours.drop(columns=other), theirs.drop(columns=other), rtol=1e-8)
    values = [chosen[name].values.ravel() for name in chosen]
    np.testing.assert_allclose(ours["sd"], [v.std(ddof=1) for v in values])
    for row, name in zip(ours.index, chosen, strict=True):
        one = chosen[name].values.reshape(RUN["chains"], -1)
        axes = {"chain_axis": 0, "draw_axis": 1}
        tail = array_stats.ess(one, method="tail", prob=(0.05, 0.95), **axes)
        assert ours.at[row, "ess_tail"] == pytest.approx(tail, rel=1e-8)
        error = array_stats.mcse(one, method="mean", **axes)
        assert ours.at[row, "mcse_mean"] == pytest.approx(error, rel=1e-8)
        square = (one - one.mean()) ** 2
        error = square.std() / np.sqrt(array_stats.ess(square, method="mean", **axes)) / (2 * one.std())
        assert ours.at[row, "mcse_sd"] == pytest.approx(error, rel=1e-8)
    by_hand = {
        "eti": lambda v: np.quantile(v, [(1 - prob) / 2, (1 + prob) / 2]),
        "hdi": partial(shortest, prob),
    }
    np.testing.assert_allclose(ours[bounds], [by_hand[kind](v) for v in values], rtol=5e-3)
    assert {"mean", "sd", "ess_bulk", "ess_tail", "r_hat", "mcse_mean", "mcse_sd"} <= set(ours.columns)


def test_summary_by_hand(intercepts):
    row = intercepts.summary().loc["Intercept"]
    values = draws(intercepts, "Intercept")
    assert row["mean"] == pytest.approx(values.mean())
    assert row["sd"] == pytest.approx(values.std(), rel=2e-3)
    assert [row["eti90_lb"], row["eti90_ub"]] == pytest.approx(np.quantile(values, [0.05, 0.95]), rel=5e-3)


def test_summary_of_chosen_variables(intercepts):
    assert intercepts.summary(["r_g"]).index.tolist() == [f"r_g[{g}, Intercept]" for g in range(0, 60, 10)]
    with refused("unknown-variable", match="no variable 'sgima'.*\n.*'sigma'"):
        intercepts.summary(["sgima"])


@pytest.mark.parametrize(
    "bad, message",
    [
        ({"prob": 90}, "between 0 and 1"),
        ({"prob": 0}, "between 0 and 1"),
        ({"prob": "a"}, "between 0 and 1"),
        ({"kind": "ci"}, "'hdi'"),
    ],
)
def test_an_interval_that_makes_no_sense_is_refused(intercepts, bad, message):
    with pytest.raises(ModelError, match=message):
        intercepts.summary(**bad)


@pytest.mark.parametrize("method", ["effects", "finite_population", "variance_partition"])
def test_every_method_refuses_such_an_interval(intercepts, method):
    with pytest.raises(ModelError):
        getattr(intercepts, method)(prob=90)


def test_a_summary_has_each_correlation_once(normal):
    summary, matrix = normal.summary(), draws(normal, "cor_g")
    assert summary.index[4:].tolist() == ["cor_g[x, Intercept]", "sigma"]
    assert summary.loc["cor_g[x, Intercept]", "mean"] == pytest.approx(matrix[..., 1, 0].mean())
    assert np.isfinite(summary).all(axis=None)
    assert (np.diagonal(matrix, axis1=-2, axis2=-1) == 1).all()


def test_a_summary_leaves_out_correlations_that_are_zero_by_the_formula():
    data = rows().assign(w=np.random.default_rng(0).normal(size=48))
    fit = sl.Model("y ~ x + (1 + x + w | g) + (0 + I(w**2) | g)", data).fit(**FEW)
    assert fit.summary(["cor_g"]).index.tolist() == [
        f"cor_g[{pair}]" for pair in ("x, Intercept", "w, Intercept", "w, x")
    ]


def test_summary_of_levels_is_that_of_their_coefficients(normal):
    table, levels = normal.summary(levels="g", prob=0.8), normal.levels("g")
    assert table.index.tolist() == [
        f"levels_g[{g}, {e}]" for g in range(0, 60, 10) for e in ("Intercept", "x")
    ]
    assert table.columns.tolist() == normal.summary(prob=0.8).columns.tolist()
    values = levels.values.reshape(800, 12)
    np.testing.assert_allclose(table["mean"], values.mean(0))
    np.testing.assert_allclose(
        table[["eti80_lb", "eti80_ub"]].T, np.quantile(values, [0.1, 0.9], 0), rtol=0.02
    )
    assert (table["mcse_mean"] < table["sd"] / 15).all() and table["r_hat"].lt(1.05).all()
    assert table.attrs.items() >= levels.attrs.items() and "too short" in table.attrs["notes"][0]
    highest = normal.summary(levels="g", prob=0.8, kind="hdi").loc[
        "levels_g[20, x]", ["hdi80_lb", "hdi80_ub"]
    ]
    assert highest.tolist() == pytest.approx(shortest(0.8, levels.sel(g=20, g_effect="x").values.ravel()))


def test_a_factor_may_be_called_like_a_dimension_of_arviz():
    fit = sl.Model("y ~ 1 + (1 | summary)", rows().rename(columns={"g": "summary"})).fit(**FEW)
    assert len(fit.summary(levels="summary")) == len(fit.summary(["r_summary"])) == 6


@pytest.mark.parametrize(
    "asked, message",
    [
        ({"levels": "h"}, "no grouping factor 'h'"),
        ({"levels": "g", "var_names": ["sigma"]}, "beside levels='g'"),
        ({"var_names": 3}, "given as 3"),
        ({"var_names": [["sigma"]]}, "no variable"),
    ],
)
def test_a_summary_of_nothing_is_refused(intercepts, asked, message):
    with pytest.raises(ModelError, match=message):
        intercepts.summary(**asked)


def test_tables_are_printed_with_all_their_columns(intercepts):
    with pd.option_context("display.width", 40, "display.max_columns", 4, "display.max_rows", 4):
        effects, summary = repr(intercepts.effects()), repr(intercepts.summary())
    lines = effects.splitlines()
    assert lines[0].split() == intercepts.effects().columns.tolist()
    assert lines[-2:] == [
        "Scale: linear predictor (identity).",
        "Population: the 6 levels of g that were fitted.",
    ]
    assert sum(line[:1].isdigit() for line in lines) == 4  # rows are cut as asked
    assert summary.splitlines()[0].split() == intercepts.summary().columns.tolist()


def test_one_name_will_do(intercepts):
    pd.testing.assert_frame_equal(intercepts.summary("sigma"), intercepts.summary(["sigma"]))
