"""Factors called as something of ours are taken as they are; labels that read alike are shown."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import DataError, ShoalWarning

N = 48


def table(factor):
    rng = np.random.default_rng(3)
    g = np.arange(N) % 8
    y = rng.normal(size=8)[g] + rng.normal(size=N)
    return pd.DataFrame({factor: g, "x": rng.normal(size=N), "y": y, "mark": pd.qcut(y, 3, labels=False)})


@pytest.mark.parametrize(("factor", "dim"), [("row", "row_"), ("chain", "chain_"), ("draw", "draw_")])
def test_a_factor_may_be_called_as_a_dimension_of_a_result(factor, dim, tmp_path):
    data = table(factor)
    fit = sl.Model(f"y ~ x + (1 + x | {factor})", data).fit(seed=1, cores=1, draws=200)
    other = sl.Model("y ~ x + (1 + x | g)", table("g")).fit(seed=1, cores=1, draws=200)
    posterior = fit.tree["posterior"].to_dataset()
    assert posterior[f"r_{factor}"].dims == ("chain", "draw", dim, f"{factor}_effect")
    assert posterior.sizes["chain"] == 4 and posterior.sizes["draw"] == 200 and posterior.sizes[dim] == 8
    names = [name.replace("_g[", f"_{factor}[") for name in other.summary().index]
    assert list(fit.summary().index) == names
    np.testing.assert_array_equal(fit.summary()["mean"], other.summary()["mean"])
    assert list(fit.effects(factor)[factor]) == list(other.effects("g")["g"])
    assert list(fit.ranks(factor, "Intercept").columns)[0] == factor
    assert list(fit.to_frame().columns) == [name.replace("_g[", f"_{factor}[") for name in other.to_frame()]
    pd.testing.assert_frame_equal(fit.predict_summary(data[:5]), other.predict_summary(table("g")[:5]))
    assert fit.finite_population(factor).shape == other.finite_population("g").shape
    with pytest.warns(ShoalWarning, match="Pareto k"):
        assert fit.loo().counted == f"{N} rows"
        levels, others = fit.loo("row_" if factor == "row" else factor), other.loo("g")
    assert levels.elpd == pytest.approx(others.elpd) and len(levels.pointwise) == 8
    loaded = sl.load(fit.save(tmp_path / "fit.nc"))
    pd.testing.assert_frame_equal(loaded.effects(factor), fit.effects(factor))


@pytest.mark.parametrize("factor", ["row", "category", "cutpoint", "chain"])
def test_ordered_responses_have_such_factors_too(factor):
    fit = sl.Model(f"mark ~ x + (1 | {factor})", table(factor), "cumulative").fit(seed=1, cores=1, draws=200)
    assert f"sd_{factor}[Intercept]" in fit.summary().index and fit.predict().dims[-1] == "category"
    assert len(fit.effects(factor)) == 8


def test_an_effect_of_each_row_is_written_as_in_books():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"n": rng.poisson(np.exp(1 + rng.normal(size=40))), "row": np.arange(40)})
    fit = sl.Model("n ~ 1 + (1 | row)", data, "poisson").fit(seed=1, cores=1)
    assert fit.summary()["mean"]["sd_row[Intercept]"] == pytest.approx(1, abs=0.4)


def test_labels_joined_alike_are_shown_with_what_they_are_made_of():
    data = table("g").assign(a=["x:y", "x"] * 24, b=["z", "y:z"] * 24)
    with pytest.raises(DataError) as caught:
        sl.Model("y ~ 1 + (1 | a:b)", data)
    assert "'x:y:z': a = 'x:y', b = 'z'; a = 'x', b = 'y:z'" in caught.value.found
    lines = [line.strip() for line in caught.value.remedy.splitlines()[1:]]
    for line in lines:
        exec(line, {"data": data})
    assert len(sl.Model("y ~ 1 + (1 | a:b)", data).specification.factors["a:b"]) == 2


def test_values_of_mixed_kinds_are_shown():
    data = table("g").assign(a=[1, "1", 2, "b"] * 12)
    with refused("column-type", match=r"24 of type int \(1, 2\), 24 of type str \('1', 'b'\)"):
        sl.Model("y ~ 1 + (1 | a)", data)
    with refused("column-type", match=r"2 of type int \(1, 2\), 2 of type str \('1', 'b'\)"):
        sl.Model("y ~ 1 + (1 | a)", data.assign(a=pd.Categorical(data["a"])))
