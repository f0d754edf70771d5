"""gr(g, by=f): the levels of each category of f have a spread of their own."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import DataError, FormulaError, ModelError
from shoal.priors import Exponential, Normal

TERM, WIDE, NARROW = "gr(g, by=f)", "g(f=new)", "g(f=old)"


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(2)
    g, x = rng.integers(0, 60, 900), rng.normal(size=900)
    f = np.where(g % 2 == 0, "old", "new")
    sd = np.where(np.arange(60) % 2 == 0, 0.2, 1.5)
    effects = sd[:, None] * rng.multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 60)
    y = 1 + 0.5 * x + effects[g, 0] + effects[g, 1] * x + rng.normal(0, 0.5, 900)
    return pd.DataFrame({"y": y, "x": x, "g": g, "f": f})


@pytest.fixture(scope="module")
def fit(frame):
    return sl.Model(f"y ~ x + (1 + x | {TERM})", frame).fit(seed=1)


def test_each_category_has_its_spread_and_correlation(fit):
    found = fit.summary()
    for group, sd in ((WIDE, 1.5), (NARROW, 0.2)):
        row = found.loc[f"sd_{group}[Intercept]"]
        assert abs(row["mean"] - sd) < 4 * row["sd"]
    assert f"cor_{WIDE}[x, Intercept]" in found.index
    assert fit.tree["posterior"][f"r_{WIDE}"].dims == ("chain", "draw", WIDE, f"{WIDE}_effect")


def test_it_is_a_factor_for_each_category(frame):
    """The same density as two factors, each with columns of zeros in the rows of the other."""
    new, old = 1.0 * (frame["f"] == "new"), 1.0 * (frame["f"] == "old")
    apart = frame.assign(g1=frame["g"].where(new == 1, 1), g2=frame["g"].where(old == 1, 0), new=new, old=old)
    two = "y ~ x + (0 + new + new:x | g1) + (0 + old + old:x | g2)"
    unit = {"sd": Exponential(1), "Intercept": Normal(0, 3), "b": Normal(0, 1)}
    sds = []
    for text in (f"y ~ x + (1 + x | {TERM})", two):
        found = sl.Model(text, apart, priors=unit).fit(seed=1).summary()["mean"]
        sds.append(found[found.index.str.startswith("sd_")].to_numpy())
    np.testing.assert_allclose(sds[0], sds[1], rtol=0.05)


def test_levels_have_tables_and_estimates_alone(fit, frame):
    table = fit.effects(WIDE)
    assert set(table[WIDE]) == set(frame.loc[frame["f"] == "new", "g"])
    assert np.isfinite(table["no_pooling"]).all()
    own = frame[frame["g"] == 1]
    slope, intercept = np.polyfit(own["x"], own["y"], 1)
    alone = table[table[WIDE] == 1].set_index("effect")["no_pooling"]
    np.testing.assert_allclose(alone[["Intercept", "x"]], [intercept, slope], atol=0.1)


def test_new_levels_are_of_their_category(fit, frame):
    new = pd.DataFrame({"x": 0.0, "g": [98, 99], "f": ["old", "new"]})
    drawn = fit.predict(new, kind="linear", new_levels="population").std(("chain", "draw"))
    assert drawn[1] > 3 * drawn[0]
    with pytest.raises(DataError):
        fit.predict(new)
    with pytest.raises(DataError):
        fit.predict(new.assign(f="other"), new_levels="population")


def test_levels_left_out_are_integrated(fit):
    score = fit.loo("g")
    assert len(score.pointwise) == 60 and set(score.pointwise["integral"]) == {"exact"}
    with pytest.raises(ModelError):
        fit.loo(WIDE)


@pytest.mark.slow
def test_it_is_printed_reported_and_saved(fit, tmp_path):
    assert f"r_{WIDE}[g[i]] = 0 in rows of another f than new" in str(fit.model)
    assert "0 in rows of another f than new" in fit.report(tmp_path / "page.html").read_text()
    again = sl.load(fit.save(tmp_path / "fit.nc"))
    assert str(again.summary()) == str(fit.summary())


@pytest.mark.parametrize(
    ("term", "change", "error"),
    [
        (f"(1 | {TERM})", {"f": lambda d: np.arange(len(d)) % 2}, DataError),
        (f"(1 | {TERM})", {"f": lambda d: d["g"]}, DataError),
        ("(1 | gr(g, by='f'))", {}, FormulaError),
        ("(1 | gr(g, by=f, cov=K))", {}, FormulaError),
        (f"(1 | id | {TERM})", {}, FormulaError),
        (f"(1 | {TERM}) + (1 | g)", {}, FormulaError),
    ],
)
def test_what_is_refused(frame, term, change, error):
    with pytest.raises(error):
        sl.Model(f"y ~ x + {term}", frame.assign(**change))


def test_levels_of_several_categories_are_named(frame):
    wrong = frame.assign(f=frame["f"].where(frame.index != frame.index[frame["g"] == 7][0], "old"))
    with refused("varies-within-levels", match="7 has 'new', 'old'"):
        sl.Model(f"y ~ x + (1 | {TERM})", wrong)
