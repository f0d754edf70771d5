"""Laws of every compiled row function: values, weights, parameters by row, orders; limits have their own."""

import numpy as np
import pytest
from family_cases import ALONE, SIZE, rows_of
from row_calls import blocks, etas
from scipy_densities import log_density as scipy_density

from shoal.families import Rows

UNTOUCHED = 0.375  # what is computed from it would be another number; of NaN it would not

each_case = pytest.mark.parametrize("case", ALONE, ids=str)
each_with_parameters = pytest.mark.parametrize("case", [c for c in ALONE if c.phi], ids=str)


@each_case
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0])
def test_values_are_those_of_scipy(case, seed, spread):
    rows, eta = rows_of(case, seed), etas(spread, seed)
    found = case.family.evaluate(rows, eta, case.phi).value + case.family.log_constant(rows)
    np.testing.assert_allclose(found, scipy_density(case.family, rows, eta, case.phi), rtol=1e-10, atol=1e-10)


@each_case
def test_weights_multiply_all_but_nothing_else(case):
    rows, eta = rows_of(case, 9), etas(1.0)
    unit = rows._replace(weight=np.ones(SIZE))
    by_row = np.repeat(case.family.pack(case.phi), SIZE, axis=1)
    found, alone = blocks(case, rows, eta, by_row, 2), blocks(case, unit, eta, by_row, 2)
    assert len(set(rows.weight)) > 1
    for part, values in found.items():
        # A curvature of 0 is written as the smallest positive one.
        np.testing.assert_allclose(values, rows.weight * alone[part], rtol=1e-14, atol=1e-299, err_msg=part)
    nothing = blocks(case, rows._replace(weight=np.zeros(SIZE)), eta, by_row, 2)
    assert not nothing["value"].any() and not nothing["score"].any() and not nothing["slope"].any()
    assert np.all(nothing["curvature"] < 1e-290)


@each_with_parameters
def test_parameters_shared_or_by_row(case):
    rows, eta, shared = rows_of(case, 2), etas(1.0), case.family.pack(case.phi)
    together = blocks(case, rows, eta, shared, 2)
    apart = blocks(case, rows, eta, np.repeat(shared, SIZE, axis=1), 2)
    for part in ("value", "score", "curvature"):
        np.testing.assert_array_equal(together[part], apart[part])
    for part in ("slope", "information"):
        np.testing.assert_allclose(together[part][:, 0], apart[part].sum(1), rtol=1e-12, atol=1e-14)
    # Each row really has its own.
    ours = shared * np.linspace(0.9, 1.1, SIZE)
    found = blocks(case, rows, eta, ours, 2)
    for i in range(SIZE):
        one = Rows(*(part[i : i + 1] for part in rows[:4]))
        alone = blocks(case, one, eta[i : i + 1], np.ascontiguousarray(ours[:, [i]]), 2)
        for part, values in found.items():
            np.testing.assert_allclose(values[..., i], alone[part][..., 0], rtol=1e-14, err_msg=part)


@each_case
def test_orders_touch_only_what_was_asked_and_add_to_slopes(case):
    rows, eta, phi = rows_of(case, 2), etas(1.0), case.family.pack(case.phi)
    parts = [np.array(part, float) for part in rows[:4]]
    call = case.family.row_function.compiled
    expected = blocks(case, rows, eta, phi, 2)
    for order in (0, 1, 2):
        value = np.full(SIZE, np.nan)
        score, curvature = np.full((1, SIZE), UNTOUCHED), np.full((1, SIZE), UNTOUCHED)
        slope, information = np.full(phi.shape, 5.0), np.full(phi.shape, 7.0)
        call(*parts, eta[None], phi, order, value, score, curvature, slope, information)
        np.testing.assert_array_equal(value, expected["value"])
        np.testing.assert_array_equal(score, expected["score"] if order > 0 else UNTOUCHED)
        np.testing.assert_array_equal(curvature, expected["curvature"] if order > 1 else UNTOUCHED)
        np.testing.assert_allclose(slope, 5 + expected["slope"] * (order > 0), rtol=1e-12)
        np.testing.assert_allclose(information, 7 + expected["information"] * (order > 1), rtol=1e-12)
