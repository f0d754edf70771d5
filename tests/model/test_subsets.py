"""``y | subset(s)``: of several responses, each has rows of its own."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import ModelError


def stacked(seed=0):
    """Return one table of two surveys of the same levels: rows of the one lack the other's columns."""
    rng = np.random.default_rng(seed)
    g, x = np.tile(np.arange(8), 10), rng.normal(size=80)
    u = rng.normal(size=8)[g]
    first = np.arange(80) < 48
    y = np.where(first, 1 + x + u + rng.normal(0, 0.5, 80), np.nan)
    k = np.where(first, np.nan, rng.poisson(np.exp(0.5 + 0.3 * u)))
    return pd.DataFrame({"y": y, "k": k, "x": np.where(first, x, np.nan), "g": g, "first": first})


RESPONSES = [
    sl.Response("y | subset(first) ~ x + latent(u | g)"),
    sl.Response("k | subset(1 - first) ~ latent(u | g)", family="poisson"),
]


def test_one_response_of_a_subset_is_the_model_of_its_rows():
    table = stacked()
    model = sl.Model("y | subset(first) ~ x + (1 | g)", table)
    alone = sl.Model("y ~ x + (1 | g)", table[table["first"]])
    assert model.priors == alone.priors
    one, other = model.fit(seed=1), alone.fit(seed=2)
    for name in ("Intercept", "x", "sigma"):
        a, b = one.tree["posterior"][name].values, other.tree["posterior"][name].values
        assert abs(a.mean() - b.mean()) < 0.1 * b.std() and abs(a.std() / b.std() - 1) < 0.1
    assert one.loo().elpd == pytest.approx(other.loo().elpd, abs=0.3)
    assert "misfit" not in f"{one.diagnose()}{other.diagnose()}"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Pareto k")  # of 8 levels one may be far from the others
def test_two_responses_have_rows_of_their_own(tmp_path):
    table = stacked()
    fit = sl.Model(RESPONSES, table).fit(seed=1, draws=300)
    y, k = fit.model.specification.designs
    np.testing.assert_array_equal(y.rows.weight > 0, table["first"])
    np.testing.assert_array_equal(k.rows.weight > 0, ~table["first"])
    np.testing.assert_array_equal(fit.tree["observed_data"]["y"], table["y"])
    assert "32 of them without this response" in str(fit.model)
    fit.save(tmp_path / "fit.nc")
    assert str(sl.load(tmp_path / "fit.nc").model) == str(fit.model)
    drawn = fit.predict(response="y", kind="response").values
    np.testing.assert_array_equal(np.isfinite(drawn), np.broadcast_to(table["first"], drawn.shape))
    assert np.isfinite(fit.loo(unit="g").pointwise["elpd"]).all()


def test_rows_inside_must_be_complete_and_subsets_true_or_false():
    table = stacked()
    table.loc[3, "x"] = np.nan
    with refused("missing-values", match="row 3"):
        sl.Model("y | subset(first) ~ x", table)
    with refused("subset-not-logical", match="row 0: 2"):
        sl.Model("y | subset(two * 2) ~ 1", stacked().assign(two=lambda d: 1 * d["first"]))
    with refused("subset-too-small", match="0 of 80"):
        sl.Model("y | subset(none) ~ 1", stacked().assign(none=0))
    with pytest.raises(ModelError):
        sl.Model("y | subset(first) + mi() ~ 1", stacked())


def test_rows_that_lack_their_level_are_dropped_where_that_is_asked_for():
    table = stacked().assign(g=lambda d: d["g"].where(d.index != 5))
    with pytest.warns(sl.errors.ShoalWarning, match="1 of 80"):
        model = sl.Model(RESPONSES, table, missing="drop")
    assert model.dropped.rows == (5,)


@pytest.mark.slow
def test_pictures_have_the_rows_of_each_subset():
    table = stacked()
    numbers = sl.Model(RESPONSES, table).fit(draws=50, seed=1).plot.ppc().numbers
    assert numbers.query("response == 'k'")["observed"].sum() == table["k"].notna().sum()
