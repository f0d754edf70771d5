"""Predictors that leave nothing to chance, alone or once each level has its own effect: said, and kept."""

import warnings

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from shoal.errors import ShoalWarning
from shoal.priors import HalfNormal


def blocks(cut=(12, 5, 3, -2), spread=12.0):
    """Ten blocks of eight: in all but one a step between two treatments explains every response."""
    rng = np.random.default_rng(3)
    rows = pd.DataFrame(
        [(b, t) for b in range(10) for t in "abcd" for _ in range(2)], columns=["block", "trt"]
    )
    eta = np.linspace(-spread, spread, 10)[rows["block"]] + rows["trt"].map(
        dict(zip("abcd", cut, strict=True))
    )
    return rows.assign(y=(eta + rng.logistic(size=len(rows)) > 0).astype(int))


def births():
    """One cohort of four, the first, has only zeros."""
    rng = np.random.default_rng(0)
    birth = rng.choice([1989, 1990, 1991, 1992], 400, p=[0.08, 0.3, 0.3, 0.32])
    y = np.where(birth == 1989, 0, rng.integers(0, 2, 400))
    labels = pd.Categorical(birth.astype(str))
    return pd.DataFrame({"birth": labels, "y": y, "late": birth > 1989, "g": rng.integers(0, 20, 400)})


def remarked(formula, data, family="bernoulli", **options):
    """Return the warnings of a model, and the model."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = sl.Model(formula, data, family, **options)
    return [str(w.message) for w in caught if issubclass(w.category, ShoalWarning)], model


def test_separation_given_the_levels_is_said_when_the_model_is_built_and_of_the_fit():
    (said,), model = remarked("y ~ trt + (1 | block)", blocks())
    assert "separation given the levels of block" in said and "1 of the 10 levels of block is left" in said
    assert "sd_block above all" in said
    diagnosis = model.fit(seed=1, cores=1, draws=500).diagnose()
    (finding,) = [f for f in diagnosis if f.code == "separation"]
    assert finding.severity == "warning" and f"{finding.evidence} {finding.remedy}" == said
    assert not diagnosis.ok


@pytest.mark.slow
def test_what_is_said_to_be_decided_by_the_prior_is():
    """Under a wider prior of the spread between blocks the estimates are almost half as large again."""
    means = []
    for priors in (None, {"sd_block": HalfNormal(15)}):
        _, model = remarked("y ~ trt + (1 | block)", blocks(), priors=priors)
        means.append(-model.fit(seed=1, cores=1).summary()["mean"]["trt[T.d]"])
    assert means[1] > 1.4 * means[0]


def test_a_default_of_the_spread_that_moves_a_coefficient_is_a_warning_as_in_the_table_of_sensitivities():
    _, model = remarked("y ~ trt + (1 | block)", blocks())
    fit = model.fit(seed=1, cores=1)
    table = fit.sensitivity(["trt[T.d]"], likelihood=False)
    assert table.loc["trt[T.d]", "driver"] == "sd_block[Intercept]" and table.loc["trt[T.d]", "prior"] > 0.1
    found = [f for f in fit.diagnose() if f.code == "prior-sensitivity" and "trt[T.d]" in f.evidence]
    assert [f.severity for f in found] == ["warning"]


CELLS = {
    "y ~ birth + (1 | g)": "birth = 1989 (32 rows) has only zeros and is the reference",
    "y ~ C(birth, contr.treatment('1990')) + (1 | g)": "birth = 1989 (32 rows) has only zeros.",
    "y ~ 0 + birth + (1 | g)": "birth[1989] = 1 (32 rows) has only zeros.",
    "y ~ late": "late = 0 (32 rows) has only zeros.",
}


@pytest.mark.parametrize("formula", CELLS)
def test_cells_at_one_end_are_named(formula):
    (said,), _ = remarked(formula, births())
    assert CELLS[formula] in said


def test_cells_of_counts_and_trials_are_named():
    data = births().assign(k=lambda d: 3 * (d["y"] | (d["birth"] == "1992")), n=3)
    (said,), _ = remarked("k | trials(n) ~ birth", data, "binomial")
    assert "birth = 1992" in said and "has only successes" in said
    (said,), _ = remarked("k ~ birth + (1 | g)", data, "poisson")
    assert "birth = 1989 (32 rows) has only zeros and is the reference" in said


def test_levels_that_bound_their_spread_need_no_word():
    """Within few levels a predictor separates by chance; the others tell how far levels spread."""
    rng = np.random.default_rng(7)
    g = np.repeat(np.arange(30), 6)
    x = np.where(g < 2, np.arange(180) % 2, g % 2)
    y = rng.integers(0, 2, 180)
    y[g < 2] = x[g < 2]
    heard, _ = remarked("y ~ x + (1 | g)", pd.DataFrame({"y": y, "x": x, "g": g}))
    assert heard == []


@pytest.mark.parametrize(
    ("formula", "code"),
    [
        ("y ~ 1 + (1 + kind | g)", "hidden-slope"),
        ("y ~ 1 + (0 + side | g)", "unknown-correlation"),
        ("y ~ 1 + (1 | site) + (1 | plot)", "numbered-anew"),
    ],
)
def test_whatever_a_model_warned_of_is_a_finding_about_its_fit(formula, code):
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(12), 5)
    data = pd.DataFrame({"g": g, "kind": g % 2, "side": np.array(["l", "r"])[g % 2], "site": g})
    data["plot"] = [i % 5 % (2 + site % 3) for i, site in enumerate(g)]
    data["y"] = rng.normal(size=12)[g] + rng.normal(size=60)
    (said,), model = remarked(formula, data, "gaussian")
    (finding,) = [f for f in model.fit(seed=1, cores=1, draws=200).diagnose() if f.code == code]
    assert f"{finding.evidence} {finding.remedy}" == said and finding.severity == "warning"


@pytest.mark.parametrize(("counts", "remarks"), [((4, 5, 6), 1), ((5, 5, 4, 5, 5), 0), ((3, 3, 3), 0)])
def test_labels_that_a_crossed_factor_lacks_at_the_end_by_chance_are_not_numbered_anew(counts, remarks):
    site = np.repeat(np.arange(len(counts)), counts)
    data = pd.DataFrame({"site": site, "plot": np.concatenate([np.arange(count) for count in counts])})
    data = pd.concat([data] * 3, ignore_index=True)
    data["y"] = np.random.default_rng(1).normal(size=len(data))
    heard, _ = remarked("y ~ 1 + (1 | site) + (1 | plot)", data, "gaussian")
    assert len(heard) == remarks
