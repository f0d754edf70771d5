"""Simulation-based calibration of one model of each kind; benchmarks/calibration.py has all of them."""

from __future__ import annotations

import pytest
from calibrated import KINDS, Case, model

from shoal.criticism.calibration import sbc

SIMULATIONS = 40


def check(case: Case) -> None:
    calibration = sbc(model(case), SIMULATIONS, draws=300, chains=1, seed=21)
    # At the verdict's 5% one of these models would fail by chance at every other change.
    level = calibration.level / 10
    assert calibration.summary()["p_value"].min() > level, calibration.verdict
    assert calibration.joint_spread[1] > level, calibration.verdict


@pytest.mark.sbc
@pytest.mark.parametrize("case", KINDS.values(), ids=KINDS)
def test_one_of_each_kind_is_calibrated(case: Case) -> None:
    check(case)
