"""What the page shows is what the fits say."""

import threading
import time

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import ModelError, PriorError, SamplingError, ShoalWarning
from shoal.explore import Session
from shoal.explore.choices import Choices
from shoal.fit import run as fitting
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
    choices = Choices(PRIOR, coordinates="noncentered")
    shown = session.fit(choices)["levels"]["pooled"]
    place: dict = {}
    exec(session.script(choices), place)
    np.testing.assert_allclose(place["fit"].effects()["mean"], shown, rtol=1e-4)


def test_without_and_with_complete_pooling_levels_keep_their_estimates_alone(session):
    partial = session.fit(Choices())["levels"]
    complete = session.fit(Choices(pooling="complete"))["levels"]
    assert complete["alone"] == partial["alone"] and len(set(complete["pooled"])) == 1
    none = session.fit(Choices(pooling="none"))["levels"]
    np.testing.assert_allclose(none["pooled"], none["alone"], atol=1.5)


@pytest.mark.slow
def test_the_verdict_is_that_of_the_draws_that_are_shown(session):
    session.fit(Choices())
    found = session.criticism(Choices(coordinates="centered"))  # another page's fit came between
    assert found["severity"] == "error" and {f["code"] for f in found["findings"]} >= {"divergences"}
    found = session.criticism(Choices())
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
    with refused("pooled-variant"):
        schools.with_pooling("none").fit(draws=50, seed=1, progress=False).explore(browser=False)


@pytest.mark.parametrize("rate", [0.5, 1.0, 2.0])
def test_priors_that_decide_are_sampled_at_once(schools, rate):
    """A few weights a little above a plateau of the others have the shape of a tail, and are none."""
    for seed in (1, 7, 10, 11):
        session = Session(schools.specification, None, "...", seed)
        run = session.fit(Choices({"sd_school[Intercept]": Exponential(rate)}))["run"]
        assert run["sampler"] == "independence" and run["ess"] > 3000


def crossed():
    rng = np.random.default_rng(2)
    g, h, x = np.arange(240) % 8, np.arange(240) % 6, rng.normal(size=240)
    y = 5 + 0.5 * x + rng.normal(size=8)[g] + rng.normal(size=6)[h] + rng.normal(size=240)
    return pd.DataFrame({"y": y, "z": y + rng.normal(size=240), "x": x, "g": g, "h": h})


def test_each_effect_has_its_own_picture_whatever_was_shown_before():
    session = Session(sl.Model("y ~ x + (1 + x | g) + (1 | h)", crossed()).specification, None, "...", 1)
    assert session.facts()["factors"] == {"g": ["Intercept", "x"], "h": ["Intercept"]}
    first = session.fit(Choices(pooling="complete"))["levels"]  # nothing was fitted before
    assert (first["group"], first["effect"]) == ("g", "Intercept") and 4 < first["population"] < 6
    slopes = session.fit(Choices(pooling="complete", group="g", effect="x"))["levels"]
    assert slopes["effect"] == "x" and 0.2 < slopes["population"] < 0.8
    assert session.fit(Choices(group="h", effect="Intercept"))["levels"]["group"] == "h"
    assert session.fit(Choices(pooling="complete", group="h", effect="Intercept"))["levels"]["of"] == 6


@pytest.mark.slow
def test_effects_that_several_responses_share_are_shown_of_each():
    responses = [sl.Response("y ~ x + (1 + x | p | g)"), sl.Response("z ~ x + (1 | p | g) + (1 | h)")]
    session = Session(sl.Model(responses, crossed()).specification, None, "...", 1)
    assert session.facts()["factors"] == {
        "y_g": ["y_Intercept", "y_x"],
        "z_g": ["z_Intercept"],
        "z_h": ["Intercept"],
    }
    for pooling in ("partial", "complete", "none"):
        found = session.fit(Choices(pooling=pooling, group="z_h", effect="Intercept"))["levels"]
        assert found["group"] == "h" and abs(found["population"] - 5) < 1.5, pooling
        found = session.fit(Choices(pooling=pooling, group="z_g", effect="z_Intercept"))["levels"]
        assert found["of"] == 8 and abs(found["population"] - 5) < 1.5, pooling


def test_the_script_of_a_file_reads_the_model_from_there(schools, tmp_path):
    file = schools.fit(seed=1, progress=False, draws=100).save(tmp_path / "fit.nc")
    session = Session.of_results(sl.load(file).results, str(file))
    for choices in (Choices(), Choices(PRIOR), Choices(PRIOR, pooling="none")):
        shown = session.fit(choices)["levels"]["pooled"]
        place: dict = {}
        script = session.script(choices)
        exec(script, place)
        np.testing.assert_allclose(place["fit"].effects()["mean"], shown, rtol=1e-4)
        assert "..." not in script and "with_priors" in script or choices == Choices()


def test_rows_that_were_dropped_are_dropped_by_the_script():
    data = pd.DataFrame({"y": [1.0, 2.5, None, 3.0, 4.5, 2.0], "g": list("aabbcc")})
    with pytest.warns(ShoalWarning):
        model = sl.Model("y ~ 1 + (1 | g)", data, missing="drop").specification
    assert "missing='drop'" in Session(model, None, "'table.csv'", 1).script(Choices(moving=True))


def test_a_long_fit_gives_way_to_what_was_chosen_after_it(session, monkeypatch):
    made, running = fitting.fit, threading.Event()

    def endless(posterior, settings, sampler, progress, *others, **more):
        running.set()
        while True:
            progress.check()
            time.sleep(0.01)

    monkeypatch.setattr(fitting, "fit", endless)
    found = []

    def asked():
        try:
            session.fit(Choices())
        except SamplingError as problem:
            found.append(problem.code)

    thread = threading.Thread(target=asked)
    thread.start()
    assert running.wait(30)
    session.interrupt()
    thread.join(30)
    assert found == ["interrupted"]
    monkeypatch.setattr(fitting, "fit", made)
    assert session.fit(Choices(PRIOR))["run"]["draws"] == 4000
    session.stop()
    with pytest.raises(SamplingError):  # nothing is begun after the end
        session.fit(Choices(PRIOR, coordinates="noncentered"))


def test_levels_without_estimates_alone_are_shown_pooled():
    rng = np.random.default_rng(2)
    data = pd.DataFrame({"g": np.repeat(list("abcd"), 10), "h": np.tile(list("abcd"), 10)})
    data["y"] = rng.normal(size=40)
    data["c"] = rng.choice(["red", "green", "blue"], 40)
    for formula, family in (("y ~ 1 + (1 | mm(g, h))", "gaussian"), ("c ~ 1 + (1 | g)", "categorical")):
        fit = sl.Model(formula, data, family=family).fit(seed=1, draws=100, progress=False)
        session = Session.of_results(fit.results)
        found = session.fit(Choices())["levels"]
        group = next(iter(session.facts()["factors"]))
        np.testing.assert_allclose(
            found["pooled"], fit.levels(group).mean(("chain", "draw"))[:, 0], rtol=1e-4
        )
        assert found["alone"] == found["shrinkage"] == [None] * 4 and found["missing"]
        complete = session.fit(Choices(pooling="complete", group=group, effect="Intercept"))["levels"]
        assert len(set(complete["pooled"])) == 1
