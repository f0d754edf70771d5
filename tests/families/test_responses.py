"""What families refuse, and how ordered responses become codes."""

import numpy as np
import pandas as pd
import pytest
from family_cases import CASES, response, rows_of

from refusals import refused
from shoal.errors import DataError
from shoal.families import Cumulative, get_family


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("bernoulli", response([0, 1, 2, 0.5]), r"2 of 4 rows \(row 2: 2, row 3: 0.5\)"),
        ("binomial", response([1, 5], 4), r"more successes than trials in 1 row \(row 1: 5 of 4\)"),
        ("binomial", response([1, -1], 4), r"negative counts in 1 row \(row 1: -1 of 4\)"),
        ("binomial", response([1.5, 1], 4), r"non-integer counts in 1 row \(row 0: 1.5 of 4\)"),
        ("binomial", response([0, 1], [0, 4]), r"trials below 1 in 1 row \(row 0: 0 of 0\)"),
        ("binomial", response([0, 1], [2.5, 4]), r"non-integer trials in 1 row \(row 0: 0 of 2.5\)"),
        ("gaussian", response([2.5, 2.5, 2.5]), r"same value, 2.5, in all 3 rows"),
        ("student", response([2.5, 2.5, 2.5]), r"same value, 2.5, in all 3 rows"),
        ("lognormal", response([2.5, 2.5]), r"same value, 2.5, in all 2 rows"),
        ("skew_normal", response([2.5, 2.5]), r"same value, 2.5, in all 2 rows"),
        ("asym_laplace", response([2.5, 2.5]), r"same value, 2.5, in all 2 rows"),
        ("von_mises", response([0, 90]), r"outside -π to π in 1 of 2 rows \(row 1: 90\)[\s\S]*y \* π / 180"),
        ("poisson", response([1, -2, 3]), r"negative counts in 1 of 3 rows \(row 1: -2\)"),
        ("poisson", response([1, 0.5]), r"non-integer counts in 1 of 2 rows \(row 1: 0.5\)[\s\S]*offset"),
        ("negbinomial", response([1, 0.5]), "non-integer counts"),
        ("zero_inflated_poisson", response([0, 0.5]), "non-integer counts"),
        ("zero_inflated_poisson", response([1, 2]), r"no zero in 2 rows[\s\S]*poisson"),
        ("zero_inflated_negbinomial", response([0, -1]), "negative counts"),
        ("zero_inflated_negbinomial", response([1, 2]), r"no zero in 2 rows[\s\S]*'negbinomial'"),
        ("zero_inflated_binomial", response([1, 2], 4), r"no zero in 2 rows[\s\S]*'binomial'"),
        ("zero_inflated_binomial", response([0, 5], 4), "more successes than trials"),
        ("zero_inflated_binomial", response([0, 1]), r"one trial[\s\S]*'bernoulli'"),
        ("hurdle_poisson", response([0, -1]), "negative counts"),
        ("hurdle_poisson", response([1, 2]), r"no zero in 2 rows[\s\S]*'poisson'"),
        ("hurdle_negbinomial", response([0, 0.5]), "non-integer counts"),
        ("hurdle_negbinomial", response([0, 0]), "0 in all 2 rows"),
        ("hurdle_gamma", response([0, 1, -2]), r"negative values in 1 of 3 rows \(row 2: -2\)"),
        ("hurdle_gamma", response([3, 1]), r"no zero in 2 rows[\s\S]*'gamma'"),
        ("hurdle_lognormal", response([0, 0]), "0 in all 2 rows"),
        ("hurdle_lognormal", response([0, 2, 2]), "same value, 2, in all 2 rows"),
        ("gamma", response([1, 0, 0]), r"in 2 of 3 rows \(row 1: 0, row 2: 0\)[\s\S]*'hurdle_gamma'"),
        ("weibull", response([1, 0]), "zero or negative values in 1 of 2"),
        ("inverse_gaussian", response([1, 0]), "zero or negative values in 1 of 2"),
        ("exponential", response([1, -1]), "zero or negative values in 1 of 2"),
        ("lognormal", response([1, 0]), "zero or negative values in 1 of 2"),
        ("beta", response([0.5, 1, 0]), r"exactly 0 or 1 in 2 of 3 rows \(row 1: 1, row 2: 0\)"),
        ("beta", response([0.5, 0]), "'zero_one_inflated_beta' and 'ordered_beta'"),
        ("zero_inflated_beta", response([0, 0.5, 1]), r"exactly 1 in 1 of 3[\s\S]*'zero_one_inflated_beta'"),
        ("zero_inflated_beta", response([0.2, 0.5]), r"no zero in 2 rows[\s\S]*'beta'"),
        ("zero_inflated_beta", response([0, 20]), r"outside 0 to 1 in 1 of 2[\s\S]*100"),
        ("zero_one_inflated_beta", response([0, 1]), r"0 or 1 in all 2 rows[\s\S]*'bernoulli'"),
        ("zero_one_inflated_beta", response([0.2, 0.4]), r"neither 0 nor 1[\s\S]*'beta'"),
        ("ordered_beta", response([0, 0.5, -1]), r"outside 0 to 1 in 1 of 3 rows \(row 2: -1\)"),
        ("beta", response([0.5, 35]), r"outside 0 to 1 in 1 of 2 rows \(row 1: 35\)[\s\S]*100"),
    ],
)
def test_responses_outside_the_support_are_refused_by_row(name, rows, message):
    with pytest.raises(DataError, match=message):
        get_family(name).check(rows, "y")


def test_codes_that_are_no_category_are_refused():
    with refused("response-outside-support", match="no category in 2 of 4 rows"):
        Cumulative("logit", 2).check(response([0, 1.5, 2, 3]), "y")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_responses_in_the_support_pass(case):
    case.family.check(rows_of(case, 1), "y")


def test_equal_responses_with_known_errors_are_data():
    get_family("gaussian").check(response([2.5, 2.5], se=1.0), "y")


ORDERED = pd.Categorical(["mid", "low", "high", "low"], ["low", "mid", "high"], ordered=True)


@pytest.mark.parametrize(
    ("values", "codes", "labels"),
    [
        (np.array([3, 1, 2, 2]), [2, 0, 1, 1], (1, 2, 3)),
        (np.array([-1.0, 0.0]), [0, 1], (-1, 0)),
        (np.array([True, False]), [1, 0], (False, True)),
        (pd.Series([5, 4, 4], index=[7, 7, 9]), [1, 0, 0], (4, 5)),
        (pd.Series(ORDERED), [1, 0, 2, 0], ("low", "mid", "high")),
        (pd.Series(ORDERED[:2]), [1, 0], ("low", "mid", "high")),
        (pd.Series(pd.Categorical([9, 2, 9], [2, 9], ordered=True)), [1, 0, 1], (2, 9)),
    ],
)
def test_ordered_responses_become_codes(values, codes, labels):
    found, named = Cumulative().encode(values, "y")
    np.testing.assert_array_equal(found, codes)
    assert found.dtype == float and named == labels


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([1, 2, 4, 7]), r"from 1 to 7, and 3 of the values between never occur \(3, 5, 6\)"),
        (np.array([0, 50]), r"49 of the values between never occur \(1, 2, 3, 4, 5 and 44 more\)"),
        (np.array([1, 1.5]), r"non-integer values in 1 of 2 rows \(row 1: 1.5\)"),
        (np.array([1, np.nan]), "non-integer values in 1 of 2"),
        (np.array([3, 3]), r"one category \(3\) in all 2 rows"),
        (np.array([True, True]), "one category"),
        (np.array(["low", "high"]), r"holds 'low', 'high', whose order is not known[\s\S]*ordered=True"),
        (pd.Series(["low", "high"]), r"holds 'low', 'high', whose order is not known[\s\S]*ordered=True"),
        (pd.Series(pd.Categorical(["a", "b"])), r"without an order \('a', 'b'\)"),
        (pd.Series(ORDERED[3:]), r"one category \('low'\) in all 1 rows"),
        (pd.Series(pd.Categorical([None, "a"], ["a"], ordered=True)), "missing in 1 of 2"),
    ],
)
def test_responses_without_an_order_or_with_gaps_are_refused(values, message):
    with pytest.raises(DataError, match=message):
        Cumulative().encode(values, "y")
