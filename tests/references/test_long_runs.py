"""Ordinary fits agree with two long runs by different moves, which ``make.py`` made and held together."""

import numpy as np
import pytest

from references.agreement import LIMIT, assert_agrees
from references.long_runs import CASES, fingerprint, kept, quantities
from sweeps import sparsely

REFERENCES = kept()


def test_every_case_has_its_reference_and_every_prior_is_given():
    assert list(REFERENCES) == list(CASES)
    for name, case in CASES.items():
        assert REFERENCES[name]["apart"] < LIMIT
        assert "default" not in str(case.model()), name


@pytest.mark.parametrize("name", sparsely(CASES))
def test_a_fit_agrees(name):
    reference = REFERENCES[name]
    assert fingerprint(CASES[name].rows()) == pytest.approx(reference["table"], abs=1e-6)
    names, draws = quantities(CASES[name].model().fit(seed=1, progress=False))
    assert names == reference["names"]
    numbers = (np.array(reference[key]) for key in ("mean", "mcse_mean", "sd", "mcse_sd"))
    assert_agrees(draws, names, *numbers)
