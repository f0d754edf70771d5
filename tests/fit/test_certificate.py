"""What a fit says for itself: measures, and a run by another move."""

import json

import numpy as np
import pytest
from arviz_stats.base import array_stats

import shoal as sl
from shoal.engine.rounds.holders import LocalRows
from shoal.fit import certificate, files
from shoal.fit.many import Where
from shoal.fit.refit import Refits, refit, settings_of
from shoal.fit.results import Results

SCHOOLS = sl.load_dataset("eight_schools")
MODEL = sl.Model("y | se(se) ~ 1 + (1 | school)", SCHOOLS)


@pytest.fixture(scope="module")
def fit():
    return MODEL.fit(seed=1, cores=1)


def counts():
    rng = np.random.default_rng(5)
    g = np.repeat(np.arange(20), 10)
    return {"y": rng.poisson(np.exp(1 + 0.5 * rng.normal(size=20)[g])), "g": g}


def test_the_certificate_has_the_worst_of_what_arviz_computes(fit):
    measures = fit.certificate.measures
    posterior = fit.tree["posterior"].to_dataset()
    values = np.concatenate([v.values.reshape(4, 1000, -1) for v in posterior.data_vars.values()], axis=2)
    columns = np.moveaxis(values, -1, 0)
    assert measures.quantities == len(columns) == 10
    rhat = max(array_stats.rhat(own, chain_axis=0, draw_axis=1) for own in columns)
    bulk, tail = (
        min(array_stats.ess(own, chain_axis=0, draw_axis=1, method=how, prob=p) for own in columns)
        for how, p in (("bulk", None), ("tail", (0.05, 0.95)))
    )
    np.testing.assert_allclose((measures.rhat, measures.bulk, measures.tail), (rhat, bulk, tail), rtol=1e-6)


@pytest.mark.parametrize(
    ("model", "own", "other"),
    [
        (MODEL, "independence", "hmc"),
        (sl.Model("y ~ 1 + (1 | g)", counts(), "poisson"), "alternating", "hmc"),
        pytest.param(
            sl.Model("y ~ 1 + (1 | g)", counts(), "poisson"), "quadrature", "hmc", marks=pytest.mark.slow
        ),
    ],
)
def test_draws_are_confirmed_by_another_move(model, own, other):
    found = model.fit(seed=2, cores=1, sampler="quadrature" if own == "quadrature" else "auto")
    assert found.tree.attrs["sampler"] == own
    rerun = found.certificate.rerun
    assert rerun.sampler == other and rerun.draws == 240 and rerun.agrees and rerun.sound
    assert found.certificate.ok and found.certificate.map_k < 0.7
    assert "agree" in found.diagnose().verdict and "240 draws" in repr(found.summary())


@pytest.mark.slow
def test_trajectories_are_confirmed_by_alternating_moves():
    model = sl.Model("y ~ 1 + (1 | g)", counts(), "poisson")
    rerun = model.fit(seed=3, cores=1, sampler="hmc").certificate.rerun
    assert rerun.sampler == "alternating" and rerun.agrees


def test_acceptance_is_told_by_move(fit):
    assert set(fit.certificate.acceptance) == {"theta"}
    found = sl.Model("y ~ 1 + (1 | g)", counts(), "poisson").fit(draws=50, seed=1, cores=1)
    assert set(found.certificate.acceptance) == {"theta", "effects"}
    assert all(0.2 < share <= 1 for share in found.certificate.acceptance.values())


def shifted(monkeypatch, by):
    """Let the other move sample something else: effects and hyperparameters a little off."""
    honest = certificate.sample_explored

    def wrong(target, fit, sampler, elements, settings, progress):
        draws = honest(target, fit, sampler, elements, settings, progress)
        draws.theta[:] += by
        return draws

    monkeypatch.setattr(certificate, "sample_explored", wrong)


def test_a_move_that_samples_something_else_is_found_and_said_first(monkeypatch, tmp_path):
    shifted(monkeypatch, 1.0)
    found = MODEL.fit(seed=1, cores=1)
    told = found.certificate
    assert told.refuted and not told.ok and "sd_school" in told.rerun.where
    assert told.rerun.draws == 4000  # the short run was followed by a long one
    assert any("short comparison" in note for note in json.loads(found.tree.attrs["notes"]))
    diagnosis = found.diagnose()
    assert not diagnosis.trustworthy and [f.code for f in diagnosis if f.severity == "error"] == [
        "other-move"
    ]
    assert repr(found.summary()).startswith("These draws failed checks: 4,000 draws by trajectories differ")
    assert "checks failed" in repr(found)
    again = sl.load(found.save(tmp_path / "fit.nc"))
    assert again.certificate == told and not again.diagnose().trustworthy


def test_levels_that_are_integrated_wrong_are_found(monkeypatch):
    """The density that the draws were accepted by counts each row three times; the other move's does not."""
    honest = LocalRows.log_integrals
    monkeypatch.setattr(LocalRows, "log_integrals", lambda *given: 3.0 * honest(*given))
    model = sl.Model("y ~ 1 + (1 | g)", counts(), "poisson")
    told = model.fit(seed=1, cores=1, sampler="quadrature").certificate
    assert told.refuted and not told.ok


def test_a_rerun_that_is_not_sound_refutes_nothing(monkeypatch):
    monkeypatch.setattr(certificate, "LEAST_ESS", 1e9)
    shifted(monkeypatch, 1.0)
    found = MODEL.fit(seed=1, cores=1)
    assert found.certificate.ok and not found.certificate.rerun.agrees
    (finding,) = [f for f in found.diagnose() if f.code == "other-move"]
    assert finding.severity == "warning"


def test_runs_that_are_not_compared_say_why(fit):
    assert "too short" in MODEL.fit(draws=100, seed=1, cores=1).certificate.reason
    asked = MODEL.fit(seed=1, cores=1, coordinates="noncentered").certificate
    assert asked.rerun is None and "coordinates" in asked.reason
    refitted = []
    fits = Refits(
        lambda _: MODEL.posterior(), lambda _, found: refitted.append(found), settings_of(fit.results), 1
    )
    refit(fits, Where(), {})
    assert certificate.of_attrs(refitted[0].attrs).rerun is None


def test_files_from_before_have_no_certificate(fit, tmp_path):
    results = fit.results
    tree = results.tree.copy()
    tree.attrs = {name: value for name, value in results.attrs.items() if name != "certificate"}
    old = sl.load(files.save(Results(results.model, tree), tmp_path / "old.nc"))
    assert old.certificate is None and old.diagnose().ok and "R-hat" not in repr(old.summary())


def test_where_nothing_that_varies_is_kept_there_is_a_reason_and_no_comparison():
    priors = {"sd_g": sl.priors.Fixed(0.5), "Intercept": sl.priors.Fixed(0.0)}
    model = sl.Model("y ~ 1 + (1 | g)", counts(), "poisson", priors)
    found = model.fit(seed=1, cores=1, store="none")
    assert "nothing that varies" in found.certificate.reason


def test_what_a_store_says_is_no_remedy_of_draws():
    found = MODEL.fit(seed=1, cores=1, store="single")
    assert not found.certificate.done and "store='single'" in found.tree.attrs["notes"]
