"""Tables of two margins, parts of whole levels, and parts in files."""

import numpy as np
import pandas as pd
import pytest

from engine.rounds_problems import divided, posterior, table
from shoal.engine.rounds.holders import LocalRows
from shoal.engine.rounds.mapped import mapped
from shoal.engine.rules import Rule
from shoal.reduction import apart
from shoal.reduction.apart import cut
from shoal.reduction.stay import joined


def test_a_joined_table_has_both_margins_and_few_rows():
    rng = np.random.default_rng(0)
    levels = pd.DataFrame({"g": np.arange(40)})
    rows = rng.integers(1, 9, 40).astype(float)
    share = rng.dirichlet(np.ones(7)) * rows.sum()
    frame, counts = joined(levels, rows, pd.DataFrame({"x": np.arange(7.0)}), share)
    assert len(frame) <= 46
    np.testing.assert_allclose(np.bincount(frame["g"], counts), rows)
    np.testing.assert_allclose(np.bincount(frame["x"].astype(int), counts), share)


def test_columns_of_both_margins_agree_in_every_row():
    levels = pd.DataFrame({"h": ["b", "a", "b", "c"], "g": [0, 1, 2, 3]})
    margin = pd.DataFrame({"h": ["c", "b", "a", "b"], "x": [0.0, 1.0, 2.0, 3.0]})
    frame, counts = joined(levels, np.array([3.0, 5, 2, 4]), margin, np.array([4.0, 1.5, 5, 3.5]))
    assert list(frame) == ["h", "g", "x"]
    own = dict(zip(levels["g"], levels["h"], strict=True))
    assert all(own[g] == h for g, h in zip(frame["g"], frame["h"], strict=True))
    other = dict(zip(margin["x"], margin["h"], strict=True))
    assert all(other[x] == h for x, h in zip(frame["x"], frame["h"], strict=True))
    np.testing.assert_allclose(counts.sum(), 14)


@pytest.mark.parametrize("factors", [[("g",)], [("g",), ("g", "h")], [("h", "g")]])
def test_no_level_has_rows_in_two_parts(factors, monkeypatch):
    monkeypatch.setattr(apart, "PARTS", 6)
    rng = np.random.default_rng(1)
    levels = pd.DataFrame({"h": np.tile(["u", "v", "w"], 50), "g": np.repeat(rng.permutation(50), 3)})
    rows = rng.integers(1, 30, 150).astype(float)
    found = cut(levels, rows, factors)
    assert found is not None and found.by == "g"
    assert sorted(found.order) == list(range(150)) and (np.diff(found.part) >= 0).all()
    assert found.part.max() == 5
    part = pd.Series(found.part, index=found.order).sort_index()
    for factor in factors:
        assert (part.groupby([levels[name] for name in factor]).nunique() == 1).all()
    sizes = np.bincount(found.part, rows[found.order])
    assert sizes.max() < 2 * sizes.mean()


def test_levels_that_meet_are_not_cut():
    rng = np.random.default_rng(2)
    levels = pd.DataFrame({"g": rng.integers(0, 20, 80), "h": rng.integers(0, 20, 80)}).drop_duplicates()
    assert cut(levels, np.ones(len(levels)), [("g",), ("h",)]) is None


def test_parts_in_files_give_the_same_numbers(tmp_path):
    own = posterior("y ~ x + (1 + x | g)", table(20, 4))
    parts = divided(own, 5)
    there = [mapped(part, tmp_path / f"{part.number}.part") for part in parts]
    hs = own.target.values(np.tile(own.target.start, (3, 1)))
    rule = Rule("hermite", 5)
    one, two = LocalRows(parts, 1), LocalRows(there, 2)
    np.testing.assert_array_equal(two.log_integrals(hs, rule), one.log_integrals(hs, rule))
    for left, right in zip(one.draw(hs, (3,), False), two.draw(hs, (3,), False), strict=True):
        np.testing.assert_array_equal(right, left)
    for part, before in zip(there, parts, strict=True):
        for name, values in part.units._asdict().items():
            if name != "functions":
                np.testing.assert_array_equal(values, getattr(before.units, name))
