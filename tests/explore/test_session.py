"""What the page shows is what the fits say."""

import numpy as np
import pytest

import shoal as sl
from shoal.errors import ModelError, PriorError
from shoal.explore import Session
from shoal.explore.choices import Choices
from shoal.priors import Exponential


@pytest.fixture(scope="module")
def schools():
    return sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))


@pytest.fixture
def session(schools):
    return Session(schools.specification, None, "sl.load_dataset('eight_schools')", 1)


PRIOR = {"sd_school[Intercept]": Exponential(0.3)}


def test_a_moved_prior_is_that_of_a_model_written_with_it(schools, session):
    found = session.fit(Choices(PRIOR))
    written = sl.Model(
        "y | se(se) ~ 1 + (1 | school)",
        sl.load_dataset("eight_schools"),
        priors={"sd_school": Exponential(0.3)},
    ).fit(seed=1, progress=False)
    effects = written.effects()
    np.testing.assert_allclose(found["levels"]["pooled"], effects["mean"], rtol=1e-4)
    np.testing.assert_allclose(found["levels"]["low"], effects["eti90_lb"], rtol=1e-3)
    np.testing.assert_allclose(found["levels"]["alone"], effects["no_pooling"], rtol=1e-4)
    assert found["run"]["draws"] == 4000 and found["run"]["divergences"] == 0
    names = [panel["name"] for panel in found["densities"]["panels"]]
    assert names == ["Intercept", "sd_school[Intercept]"]
    values, prior = (np.array(found["densities"]["panels"][1][part]) for part in ("value", "prior"))
    np.testing.assert_allclose(prior, 0.3 * np.exp(-0.3 * values), rtol=1e-3)


def test_the_script_makes_the_same_draws(session):
    session.fit(Choices(PRIOR, coordinates="noncentered"))
    place: dict = {}
    exec(session.script(), place)
    np.testing.assert_array_equal(
        place["fit"].tree["posterior"]["Intercept"], session._results.posterior["Intercept"]
    )


def test_without_and_with_complete_pooling_levels_keep_their_estimates_alone(session):
    partial = session.fit(Choices())["levels"]
    complete = session.fit(Choices(pooling="complete"))["levels"]
    assert complete["alone"] == partial["alone"] and len(set(complete["pooled"])) == 1
    none = session.fit(Choices(pooling="none"))["levels"]
    np.testing.assert_allclose(none["pooled"], none["alone"], atol=1.5)


def test_the_verdict_is_that_of_the_draws_that_are_shown(session):
    with pytest.raises(ModelError):
        session.criticism()
    session.fit(Choices(coordinates="centered"))
    found = session.criticism()
    assert found["severity"] == "error" and {f["code"] for f in found["findings"]} >= {"divergences"}
    session.fit(Choices())
    found = session.criticism()
    assert found["severity"] == "ok"
    assert sum(found["checks"]["parts"][0]["observed"]) == 8
    assert {part["quantity"] for part in found["implied"]["parts"]} >= {"mean", "largest"}


def test_a_fit_is_shown_as_it_was_made(schools):
    fit = schools.fit(draws=500, seed=7, progress=False)
    session = Session(schools.specification, fit.results, "...", 7)
    assert session.fit(Choices())["run"]["draws"] == 2000
    assert session.fit(Choices(PRIOR))["run"]["draws"] == 4000


def test_what_a_model_does_not_have_says_so():
    data = sl.load_dataset("radon")
    session = Session(sl.Model("log_radon ~ floor", data).specification, None, "...", 1)
    found = session.fit(Choices())
    assert "grouping factor" in found["levels"]["message"] and "message" in found["funnel"]
    with pytest.raises(ModelError):
        session.fit(Choices(pooling="complete"))
    with pytest.raises(PriorError):
        session.fit(Choices(PRIOR))


def test_variants_are_refused(schools):
    with pytest.raises(ModelError, match="as it was first written"):
        schools.with_pooling("none").fit(draws=50, seed=1, progress=False).explore(browser=False)


@pytest.mark.parametrize("rate", [0.5, 1.0, 2.0])
def test_priors_that_decide_are_sampled_at_once(schools, rate):
    """A few weights a little above a plateau of the others have the shape of a tail, and are none."""
    for seed in (1, 7, 10, 11):
        session = Session(schools.specification, None, "...", seed)
        run = session.fit(Choices({"sd_school[Intercept]": Exponential(rate)}))["run"]
        assert run["sampler"] == "independence" and run["ess"] > 3000
