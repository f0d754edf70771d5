"""New levels of gr(g, cov=K) are drawn from the joint covariance, given the fitted levels."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.priors import Normal

PLACES = np.sort(np.random.default_rng(0).uniform(0, 10, 34))
NEW = [3, 17, 18]  # two of them neighbours


@pytest.fixture(scope="module")
def covariance():
    labels = [f"s{i}" for i in range(len(PLACES))]
    away = np.abs(PLACES[:, None] - PLACES)
    return pd.DataFrame(np.exp(-away / 3) + 1e-3 * np.eye(len(PLACES)), labels, labels)


@pytest.fixture(scope="module")
def frame(covariance):
    rng = np.random.default_rng(1)
    r = rng.multivariate_normal(np.zeros(len(PLACES)), covariance)
    kept = [i for i in range(len(PLACES)) if i not in NEW]
    g, x = rng.permutation(np.repeat(kept, 8)), rng.normal(size=8 * len(kept))
    return pd.DataFrame({"y": 1 + r[g] + rng.normal(0, 0.3, len(g)), "x": x, "g": [f"s{i}" for i in g]})


@pytest.fixture(scope="module", params=["", ", dist='student'"], ids=["normal", "student"])
def fit(frame, covariance, request):
    text = f"y ~ 1 + (1 | gr(g, cov=K{request.param}))"
    return sl.Model(text, frame, covariances={"K": covariance}, priors={"Intercept": Normal(0, 2)}).fit(
        seed=1
    )


def effects(fit, labels, **options):
    drawn = fit.predict(
        pd.DataFrame({"x": 0.0, "g": labels}), kind="linear", new_levels="population", **options
    )
    return (drawn - fit.tree["posterior"]["Intercept"]).values.reshape(-1, len(labels))


def test_they_have_the_conditional_mean_and_covariance(fit, covariance):
    """Over all draws: regression on the fitted effects, and normal residuals of the Schur complement."""
    posterior, labels = fit.tree["posterior"], [f"s{i}" for i in NEW]
    known = list(posterior["g"].values)
    r, sd = posterior["r_g"].values[..., 0].reshape(4000, -1), posterior["sd_g"].values.reshape(4000, 1)
    weights = covariance.loc[labels, known].to_numpy() @ np.linalg.inv(covariance.loc[known, known])
    schur = covariance.loc[labels, labels].to_numpy() - weights @ covariance.loc[known, labels].to_numpy()
    left = (effects(fit, labels) - r @ weights.T) / sd
    assert (np.abs(left.mean(0)) < 4 * left.std(0) / np.sqrt(4000)).all()
    correlation = schur / np.sqrt(np.outer(np.diag(schur), np.diag(schur)))
    np.testing.assert_allclose(np.corrcoef(left.T), correlation, atol=0.1)
    if "nu_g" not in posterior:
        np.testing.assert_allclose(left.std(0), np.sqrt(np.diag(schur)), rtol=0.05)


def test_a_level_does_not_depend_on_those_after_it(fit):
    labels = [f"s{i}" for i in NEW]
    np.testing.assert_allclose(effects(fit, labels)[:, :1], effects(fit, labels[:1]), rtol=1e-9)
    many = effects(fit, labels * 600)  # rows of several blocks
    np.testing.assert_allclose(many[:, -3:], effects(fit, labels), rtol=1e-9)


def test_levels_without_a_covariance_are_refused(fit):
    with refused("new-level-of-covariance", match="'elsewhere'"):
        effects(fit, ["s3", "elsewhere"])
    with refused("unknown-level"):
        fit.predict(pd.DataFrame({"x": [0.0], "g": ["s3"]}))


def test_they_are_drawn_from_a_saved_result(fit, tmp_path):
    again = sl.load(fit.save(tmp_path / "fit.nc"))
    np.testing.assert_allclose(effects(again, ["s3", "s17"]), effects(fit, ["s3", "s17"]), rtol=1e-6)
