"""Categories of an ordered response that no row has: kept where the scale is declared, else asked about."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import ShoalWarning
from shoal.priors import Normal

SCALE = 1.5


def table(counts):
    y = np.repeat(np.arange(1, len(counts) + 1), counts)
    return pd.DataFrame({"y": y, "x": np.linspace(-1, 1, len(y)) ** 3})


def declared(counts):
    data = table(counts)
    data["y"] = pd.Categorical(data["y"], range(1, len(counts) + 1), ordered=True)
    return data


def cutpoints_by_importance(counts, draws=1_000_000):
    """Return means and sds of ascending normal cutpoints given counts, from weighted draws of their prior."""
    cut = np.sort(np.random.default_rng(1).normal(0, SCALE, (draws, len(counts) - 1)), axis=1)
    below = np.column_stack([np.zeros(draws), 1 / (1 + np.exp(-cut)), np.ones(draws)])
    weight = np.prod(np.diff(below, axis=1) ** np.array(counts), axis=1)
    values = np.column_stack([cut, np.diff(cut, axis=1)])
    mean = np.average(values, axis=0, weights=weight)
    return mean, np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))


@pytest.mark.parametrize(
    ("counts", "empty"),
    [([10, 0, 8, 0, 12], "2, 4"), ([9, 0, 0, 14], "2, 3"), ([0, 10, 8, 12], "1"), ([10, 8, 12, 0], "4")],
)
def test_cutpoints_of_categories_nobody_has_are_exact(counts, empty):
    with pytest.warns(ShoalWarning, match=f"No row of 'y' has the category {empty}, which is kept"):
        model = sl.Model("y ~ 1", declared(counts), "cumulative", priors={"cutpoints": Normal(0, SCALE)})
    fit = model.fit(seed=3)
    cut = fit.tree["posterior"]["cutpoints"].values.reshape(-1, len(counts) - 1)
    values = np.column_stack([cut, np.diff(cut, axis=1)])
    mean, sd = cutpoints_by_importance(counts)
    np.testing.assert_allclose(values.mean(0), mean, atol=0.1 * sd.max())
    np.testing.assert_allclose(values.std(0), sd, rtol=0.12)
    assert fit.diagnose().ok


def test_integers_with_a_gap_are_asked_about_and_both_lines_work():
    data = table([10, 0, 8, 12])
    with refused("category-never-seen", match=r"from 1 to 4, and 1 of the values.*\(2\)") as caught:
        sl.Model("y ~ x", data, "cumulative")
    keep, recode = (line for line in caught.value.remedy.split("\n") if line.startswith("    "))
    kept, recoded = data.copy(), data.copy()
    exec(keep.strip(), {"data": kept, "pandas": pd})
    exec(recode.strip(), {"data": recoded, "pandas": pd})
    with pytest.warns(ShoalWarning, match="kept as part of the scale"):
        assert sl.Model("y ~ x", kept, "cumulative").design.categories == (1, 2, 3, 4)
    assert sl.Model("y ~ x", recoded, "cumulative").design.categories == (1, 2, 3)


def test_the_line_of_the_warning_leaves_it_out():
    data = declared([10, 0, 8, 12])
    with pytest.warns(ShoalWarning) as caught:
        sl.Model("y ~ x", data, "cumulative")
    exec(str(caught[0].message).split("write this:\n    ")[1], {"data": data})
    assert sl.Model("y ~ x", data, "cumulative").design.categories == (1, 3, 4)


def test_predictions_have_all_categories_and_a_file_keeps_them(tmp_path):
    with pytest.warns(ShoalWarning, match="kept"):
        model = sl.Model("y ~ x", declared([10, 0, 8, 12]), "cumulative")
    fit = model.fit(draws=100, chains=2, seed=1)
    shares = fit.predict().values
    assert shares.shape[-1] == 4
    np.testing.assert_allclose(shares.sum(-1), 1)
    assert 0 < shares[..., 1].mean() < 0.1
    fit.save(tmp_path / "fit.nc")
    assert sl.load(tmp_path / "fit.nc").model.design.categories == (1, 2, 3, 4)
