"""What happens when a run fails its checks."""

import json

import shoal as sl
from shoal.fit import run


def test_nuts_that_would_take_too_long_is_not_run_and_the_fit_says_so(monkeypatch):
    monkeypatch.setattr(run, "LONGEST_FALLBACK", 0.0)
    monkeypatch.setattr(run.checks, "failures", lambda *arguments: ["R-hat 2.000"])
    schools = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))
    fit = schools.fit(draws=50, seed=1, progress=False)
    (note,) = json.loads(fit.tree.attrs["notes"])
    assert "R-hat 2.000" in note and "was not run" in note
    assert fit.tree.attrs["sampler"] == "independence"


def test_a_run_that_fails_is_made_again_by_nuts(monkeypatch):
    monkeypatch.setattr(run.checks, "failures", lambda *arguments: ["R-hat 2.000"])
    schools = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools"))
    fit = schools.fit(draws=50, seed=1, progress=False)
    assert fit.tree.attrs["sampler"] == "nuts"
    assert "NUTS on the same density" in json.loads(fit.tree.attrs["notes"])[0]
