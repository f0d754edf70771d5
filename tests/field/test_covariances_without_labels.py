"""A known covariance without labels is taken only where nobody can doubt the order of its rows."""

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused

LEVELS, ROWS = 12, 5
FORMULA = "y ~ 1 + (1 | gr(s, cov=K))"


def kernel(size=LEVELS):
    """Return a covariance that falls with the distance of levels."""
    return 0.8 ** np.abs(np.subtract.outer(np.arange(size), np.arange(size)))


def table(labels):
    rng = np.random.default_rng(2)
    s = np.repeat(np.arange(LEVELS), ROWS)
    effects = 3 * np.linalg.cholesky(kernel()) @ rng.normal(size=LEVELS)
    return pd.DataFrame(
        {"y": effects[s] + rng.normal(size=len(s)), "s": np.asarray(labels, dtype=object)[s], "half": s % 2}
    )


NAMES = [f"s{i}" for i in range(1, LEVELS + 1)]


def test_text_is_refused_and_the_line_orders_it_as_the_table_does():
    data, K = table(NAMES), kernel()
    with refused(
        "covariance-without-labels", match=r"'s1', 's10', 's11' and 9 more(.|\n)*first 's1', 's2', 's3'"
    ) as caught:
        sl.Model(FORMULA, data, covariances={"K": K})
    said, *lines = caught.value.remedy.split("\n    ")
    assert said.endswith("write this:")
    names = {"data": data, "K": K, "pandas": pd}
    exec("\n".join(lines), names)
    group = sl.Model(FORMULA, data, covariances=names["covariances"]).design.groups[0]
    order = [NAMES.index(label) for label in group.labels]
    np.testing.assert_allclose(group.root @ group.root.T, K[np.ix_(order, order)])


def test_levels_of_two_columns_are_labelled_too():
    data = table(NAMES)
    size = 2 * LEVELS
    formula = "y ~ 1 + (1 | gr(s:half, cov=K))"
    data["half"] = np.arange(len(data)) % 2
    with refused("covariance-without-labels") as caught:
        sl.Model(formula, data, covariances={"K": kernel(size)})
    names = {"data": data, "K": kernel(size), "pandas": pd}
    exec("\n".join(caught.value.remedy.split("\n    ")[1:]), names)
    assert len(sl.Model(formula, data, covariances=names["covariances"]).design.groups[0].labels) == size


@pytest.mark.parametrize(
    "labels",
    [
        np.arange(LEVELS),
        np.arange(1, LEVELS + 1),
        pd.Categorical(NAMES, NAMES),
        pd.Categorical(NAMES[::-1], NAMES[::-1], ordered=True),
    ],
    ids=["from 0", "from 1", "categories", "ordered categories"],
)
def test_integers_without_a_gap_and_categories_have_an_order(labels):
    data = table(labels)
    data["s"] = (
        pd.Series(labels).repeat(ROWS).to_numpy() if isinstance(labels, np.ndarray) else labels.repeat(ROWS)
    )
    group = sl.Model(FORMULA, data, covariances={"K": kernel()}).design.groups[0]
    np.testing.assert_allclose(group.root @ group.root.T, kernel())
    assert group.labels.tolist() == list(labels)


@pytest.mark.parametrize(
    "labels",
    [[*range(LEVELS - 1), LEVELS], [f"{i:02d}" for i in range(LEVELS)], np.arange(LEVELS) / 2],
    ids=["a gap", "text of numbers", "fractions"],
)
def test_other_levels_have_none(labels):
    data = table(labels)
    data["s"] = data["s"].infer_objects()
    with refused("covariance-without-labels"):
        sl.Model(FORMULA, data, covariances={"K": kernel()})


@pytest.mark.parametrize("matrix", [np.eye(LEVELS), 0.5 * np.eye(LEVELS) + 0.2])
def test_a_covariance_that_is_the_same_in_any_order_needs_no_labels(matrix):
    assert sl.Model(FORMULA, table(NAMES), covariances={"K": matrix}).design.groups[0].cov == "K"


def test_what_was_fitted_in_the_order_of_sorted_levels_can_be_read(tmp_path):
    """A file keeps an array as it was given: its order was settled when the model was made."""
    data = table(NAMES)
    data["s"] = pd.Categorical(data["s"], NAMES)
    fit = sl.Model(FORMULA, data, covariances={"K": kernel()}).fit(draws=50, chains=2, seed=1)
    fit.save(tmp_path / "fit.nc")
    group = sl.load(tmp_path / "fit.nc").model.design.groups[0]
    np.testing.assert_allclose(group.root @ group.root.T, kernel())


def test_the_right_order_finds_the_right_spread():
    """The sd is 3; rows in the order of sorted text said 6 and more."""
    data = table(NAMES)
    fit = sl.Model(FORMULA, data, covariances={"K": pd.DataFrame(kernel(), NAMES, NAMES)}).fit(seed=1)
    sd = fit.tree["posterior"]["sd_s"].values
    low, high = np.quantile(sd, [0.05, 0.95])
    assert low < 3 < high
