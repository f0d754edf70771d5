"""Prior draws, ranks and the verdict of a calibration; short calibrations of the engine (marked sbc)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta, kstest, norm

from refusals import refused
from shoal import priors as P
from shoal.criticism.calibration import Calibration, _rank, sbc
from shoal.criticism.uniformity import joint_spread, uniformity
from shoal.model import Response, Specification, specify
from shoal.model.predictors import linear_predictor
from shoal.model.prior_draws import draw_prior, simulate_responses
from shoal.priors.compiled import PriorFunction
from shoal.tables import read

INTERCEPTS = {"Intercept": P.Normal(0, 1), "sd": P.HalfNormal(1)}
SLOPES = {**INTERCEPTS, "x": P.Normal(0, 1), "cor": P.LKJ(2)}


def model(
    formula: str, family: str = "gaussian", priors: dict[str, P.Prior] | None = None, groups: int = 10
) -> Specification:
    rng, n = np.random.default_rng(1), 10 * groups
    table = pd.DataFrame(
        {
            "y": rng.integers(0, 2, n).astype(float),
            "n": rng.integers(2, 12, n),
            "s": rng.uniform(0.5, 2, n),
            "x": rng.normal(2, 1, n),
            "w": rng.normal(-1, 1, n),
            "g": np.repeat([f"g{i}" for i in range(groups)], 10),
            "h": rng.permutation(np.arange(n) % 5),
            "k": rng.permutation(np.arange(n) % 4),
            "g2": rng.permutation(np.resize(["a", "b"], n)),
        }
    )
    return specify([Response(formula, family)], read(table), priors or {})


def gaussian(**priors: P.Prior) -> Specification:
    return model("y ~ 1 + (1 | g)", priors={**INTERCEPTS, "sigma": P.Exponential(1), **priors})


def fake(ranks: np.ndarray, draws: int = 100) -> Calibration:
    """Return a calibration with the given (S, Q) ranks."""
    names = [f"q{i}" for i in range(ranks.shape[1])]
    nothing = pd.Series(0.0, index=names)
    return Calibration(pd.DataFrame(ranks, columns=names), draws, nothing, 0, "", 0.0)


def normal_ranks(
    rng: np.random.Generator, size: tuple[int, int], ratio: float = 1.0, bias: float = 0.0
) -> np.ndarray:
    """Return ranks among 100 draws of posteriors `ratio` times as wide as they should be, moved by `bias`."""
    return rng.binomial(100, norm.cdf((rng.normal(size=size) - bias) / ratio))


# Prior draws


def test_prior_draws_follow_the_priors() -> None:
    m = model("y ~ 1 + x + (1 + x + w | g)", priors={**SLOPES, "sigma": P.Gamma(4, 2)}, groups=4)
    draws = draw_prior(m, np.random.default_rng(3), 4000)
    shapes = {k: v.shape[1:] for k, v in draws.items()}
    assert shapes == {
        "Intercept": (), "x": (), "sd_g": (3,), "cor_g": (3, 3), "sigma": (), "r_g": (4, 3)
    }  # fmt: skip
    assert kstest(draws["x"], norm.cdf).pvalue > 1e-3
    assert kstest(draws["sd_g"][:, 1], lambda v: 2 * norm.cdf(v) - 1).pvalue > 1e-3
    for i, j in ((1, 0), (2, 0), (2, 1)):
        # LKJ(eta) of K effects: every correlation is Beta(eta - 1 + K / 2) on (-1, 1).
        cdf = beta(2 - 1 + 3 / 2, 2 - 1 + 3 / 2, loc=-1, scale=2).cdf
        assert kstest(draws["cor_g"][:, i, j], cdf).pvalue > 1e-3
    standard = draws["r_g"] / draws["sd_g"][:, None]
    assert kstest(standard[:, 2, 1], norm.cdf).pvalue > 1e-3
    together = standard[..., 0] * standard[..., 2] - draws["cor_g"][:, None, 0, 2]
    assert abs(together.mean()) < 4 * together.std() / np.sqrt(together.size)


def test_zero_sum_effects_sum_to_zero_with_pymc_scale() -> None:
    m = model("y ~ 1 + (1 | gr(g, zero_sum=True))", priors={"sd": P.Fixed(2.0)}, groups=4)
    r = draw_prior(m, np.random.default_rng(4), 20000)["r_g"]
    assert np.allclose(r.sum(1), 0)
    assert r.var(0).ravel() == pytest.approx(np.full(4, 4 * (1 - 1 / 4)), rel=0.05)


def test_default_intercept_prior_speaks_of_average_columns() -> None:
    m = model("y ~ 1 + x + w", priors={"x": P.Normal(3, 1), "w": P.StudentT(5, 0, 1)})
    draws = draw_prior(m, np.random.default_rng(5), 4000)
    eta = linear_predictor(m.designs[0], draws).mean(1)
    at_average = m.priors["Intercept"].prior
    assert isinstance(at_average, P.Normal)
    assert kstest(eta, norm(at_average.mu, at_average.sigma).cdf).pvalue > 1e-3


def test_linear_predictor_is_that_of_the_rows() -> None:
    m = model("y ~ 1 + x + offset(w) + (1 + x || g)", priors=INTERCEPTS)
    draw = {k: v[0] for k, v in draw_prior(m, np.random.default_rng(6), 1).items()}
    frame = m.table.frame
    by_row = draw["r_g"][[int(g[1:]) for g in frame["g"]]]
    expected = draw["Intercept"] + by_row[:, 0] + (draw["x"] + by_row[:, 1]) * frame["x"] + frame["w"]
    assert np.allclose(linear_predictor(m.designs[0], draw), expected)


def test_responses_have_the_family_s_moments() -> None:
    rng = np.random.default_rng(7)
    m = model("y | trials(n) ~ 1", "binomial", {"Intercept": P.Fixed(0.4)})
    draw = {k: v[0] for k, v in draw_prior(m, rng, 1).items()}
    y = np.stack([simulate_responses(m, draw, rng)[0] for _ in range(2000)])
    n = m.designs[0].rows.trials
    assert np.all((y >= 0) & (y <= n) & (y == np.round(y)))
    assert np.max(np.abs(y.mean(0) - n / (1 + np.exp(-0.4))) / np.sqrt(n / 4 / 2000)) < 5
    m = model("y | se(s, sigma=True) ~ 1", "gaussian", {"Intercept": P.Fixed(0.4), "sigma": P.Fixed(2.0)})
    draw = {k: v[0] for k, v in draw_prior(m, rng, 1).items()}
    y = np.stack([simulate_responses(m, draw, rng)[0] for _ in range(2000)])
    assert y.var(0) == pytest.approx(m.designs[0].rows.se ** 2 + 4, rel=0.2)


def test_weighted_rows_cannot_be_simulated() -> None:
    m = model("y | weights(n) ~ 1")
    with refused("weights-without-distribution"):
        sbc(m)


# Ranks and their tests


def test_ties_are_broken_at_random() -> None:
    rng = np.random.default_rng(8)
    values = np.array([1.0, 0.0, 1.0, 1.0, 2.0])
    assert {_rank(values, rng) for _ in range(100)} == {1, 2, 3}


@pytest.mark.parametrize("level", [0.05, 0.005])
def test_band_and_p_value_agree_and_keep_their_level(level: float) -> None:
    test, rng = uniformity(100, 50), np.random.default_rng(9)
    ranks = rng.integers(0, 51, (5000, 100))
    rejected = test.p_value(ranks) <= level
    low, high = test.band(level)
    below = (ranks[:, None, :] < np.arange(1, 51)[:, None]).mean(-1)
    outside = ((below < low - 1e-9) | (below > high + 1e-9)).any(1)
    assert np.array_equal(outside, rejected)
    assert abs(rejected.mean() - level) < 4 * np.sqrt(level / 5000)


def test_correct_ranks_raise_few_alarms() -> None:
    rng = np.random.default_rng(10)
    alarms = sum(not fake(rng.integers(0, 101, (200, 8))).ok for _ in range(400))
    assert alarms <= 36  # 20 expected at most; 36 is four standard errors more


def test_dependent_quantities_raise_few_alarms() -> None:
    rng = np.random.default_rng(11)

    def ranks() -> np.ndarray:
        shared = rng.normal(size=(200, 1)) + rng.normal(size=(200, 8))
        return rng.binomial(100, norm.cdf(shared / np.sqrt(2)))

    assert sum(not fake(ranks()).ok for _ in range(400)) <= 36


@pytest.mark.parametrize(
    ("quantities", "ratio", "bias", "least"), [(6, 0.9, 0.0, 0.75), (6, 1.15, 0.0, 0.9), (6, 1.0, 0.3, 0.9)]
)
def test_wrong_posteriors_are_found(quantities: int, ratio: float, bias: float, least: float) -> None:
    rng = np.random.default_rng(12)
    found = [not fake(normal_ranks(rng, (200, quantities), ratio, bias)).ok for _ in range(60)]
    assert np.mean(found) > least


def test_one_wrong_quantity_is_found_and_named() -> None:
    rng = np.random.default_rng(13)
    ranks = normal_ranks(rng, (200, 6))
    ranks[:, 2] = normal_ranks(rng, (200, 1), bias=0.5)[:, 0]
    calibration = fake(ranks)
    assert not calibration.ok
    assert calibration.verdict.startswith("Not calibrated (200 simulations, 6 quantities")
    assert "q2 (p = " in calibration.verdict
    assert list(calibration.summary().query("not inside").index) == ["q2"]
    assert calibration.summary().loc["q2", "mean_rank"] < 0.5


def test_useless_ranks_are_refused_without_a_warning() -> None:
    assert not fake(np.zeros((50, 2), int)).ok
    assert not fake(np.full((50, 2), 50)).ok


def test_narrow_posteriors_have_a_spread_above_one() -> None:
    rng = np.random.default_rng(14)
    spread, p = joint_spread(normal_ranks(rng, (200, 8), ratio=0.8), 100)
    assert spread > 1.1
    assert p < 1e-3
    assert "too narrow" in fake(normal_ranks(rng, (200, 8), ratio=0.8)).verdict


@pytest.mark.parametrize("quantities", [1, 3, 10, 16])
def test_plot_has_a_panel_for_every_quantity(quantities: int) -> None:
    ranks = np.random.default_rng(15).integers(0, 101, (100, quantities))
    figure = fake(ranks).plot()
    assert [a.get_title().split(":")[0] for a in figure.axes] == [f"q{i}" for i in range(quantities)]
    figure.canvas.draw()


# The engine


def test_settings_without_sense_are_refused() -> None:
    with refused("number-out-of-range"):
        sbc(gaussian(), simulations=5)
    fixed = gaussian(Intercept=P.Fixed(0.0), sd=P.Fixed(1.0), sigma=P.Fixed(1.0))
    # Known hyperparameters leave the effects to calibrate.
    assert "r_g[g0, Intercept]" in sbc(fixed, 20).ranks
    nothing = model("y ~ 1", priors={"Intercept": P.Fixed(0.0), "sigma": P.Fixed(1.0)})
    with refused("nothing-to-calibrate"):
        sbc(nothing)


@pytest.mark.slow
def test_ranks_do_not_depend_on_cores_or_later_simulations() -> None:
    one = sbc(gaussian(), 21, draws=100, cores=1)
    two = sbc(gaussian(), 20, draws=100, cores=3)
    assert one.draws == 100
    pd.testing.assert_frame_equal(one.ranks[:20], two.ranks)
    assert list(one.ranks) == [
        "Intercept", "sd_g[Intercept]", "sigma", "r_g[g0, Intercept]", "r_g[g9, Intercept]", "log likelihood",
    ]  # fmt: skip


@PriorFunction
def wrong_density(x: float, params: np.ndarray, slope: np.ndarray) -> float:
    slope[0] = 1 / x - params[0]
    return math.log(params[0]) - params[0] * x + math.log(x)


@dataclass(frozen=True)
class TwiceTheJacobian(P.Exponential):
    """Draws an exponential, its density has a factor x too many: a Jacobian counted twice."""

    support: ClassVar[str] = "positive"
    density: ClassVar[PriorFunction] = wrong_density


@pytest.mark.sbc
@pytest.mark.slow
def test_wrong_density_is_found() -> None:
    calibration = sbc(gaussian(sd=TwiceTheJacobian(1.0)), 200, seed=1)
    assert not calibration.summary().loc["sd_g[Intercept]", "inside"]
    assert "sd_g[Intercept] (p = " in calibration.verdict


@pytest.mark.sbc
def test_wrong_prior_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def other_prior(m: Specification, *args: str) -> Any:
        priors = {**m.priors, "Intercept": replace(m.priors["Intercept"], prior=P.Normal(0, 0.3))}
        return posterior_of(replace(m, priors=priors), *args)

    from shoal.fit.posterior import posterior_of

    m = gaussian()  # draws parameters and responses; only the fits believe the other prior
    monkeypatch.setattr("shoal.criticism.calibration.posterior_of", other_prior)
    own_prior = "shoal.criticism.calibration.draw_prior"
    monkeypatch.setattr(own_prior, lambda _, rng, size: draw_prior(m, rng, size))
    calibration = sbc(m, 60, draws=200, chains=1, seed=1)
    assert not calibration.summary().loc["Intercept", "inside"]
