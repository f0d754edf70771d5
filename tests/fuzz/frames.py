"""Tables with columns of any kind, length and name."""

import datetime
import decimal

import numpy as np
import pandas as pd
from hypothesis import strategies as st

NAMES = "y|x|g|z|| |.|..|a/b|x[1]|a:b|Intercept|sigma|chain|draw|é|日本|a\nb|a\0b|\ud800".split("|")
LABELS = "a|b|A|a ||1|01|1.5|nan|None|2024-01-01|a:b|<b>|a\0|\ud800|é|e\u0301".split("|")
STRANGE = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e308, -1e308, 5e-324, 1e-200, 1e150, 1e17, 1e49]
OBJECTS = [None, [1], {}, object, pd.NaT, pd.NA, datetime.time(1), decimal.Decimal("1.5"), 2**70, b"a"]
KINDS = ["real", "real", "whole", "text", "few", "category", "bool", "any", "date", "duration", "complex"]
KINDS += ["nullable", "constant", "sparse"]
DAYS = st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1))

reals = st.one_of(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.floats(-9, 9), st.sampled_from(STRANGE))
labels = st.one_of(st.sampled_from(LABELS), st.text(max_size=3))
anything = st.one_of(st.sampled_from(OBJECTS), st.booleans(), st.integers(), reals, labels, st.datetimes())


@st.composite
def columns(draw, rows):
    """A column as users may have it: of one kind mostly, of mixed ones sometimes."""

    def of(values):
        return draw(st.lists(values, min_size=rows, max_size=rows))

    match draw(st.sampled_from(KINDS)):
        case "real":
            return np.array(of(st.floats(-9, 9) if draw(st.booleans()) else reals), float)
        case "whole":
            return np.array(of(st.integers(0, 100)), draw(st.sampled_from(["int64", "uint8", "uint64"])))
        case "few":
            return np.array(of(st.sampled_from([0, 1, 2])), int)
        case "bool":
            return np.array(of(st.booleans()), bool)
        case "complex":
            return np.array(of(st.complex_numbers(max_magnitude=9)), complex)
        case "category":
            categories, ordered = draw(st.sampled_from([["a", "b"], ["b", "a", "c"]])), draw(st.booleans())
            return pd.Series(
                pd.Categorical(of(st.sampled_from(["a", "b", None])), categories, ordered=ordered)
            )
        case "date":
            return pd.Series(pd.to_datetime(of(DAYS)))
        case "duration":
            return pd.Series(pd.to_timedelta(of(st.integers(0, 999)), unit="s"))
        case "nullable":
            return pd.Series(of(st.one_of(st.none(), st.integers(0, 9))), dtype="Int64")
        case "sparse":
            return pd.Series(pd.arrays.SparseArray(np.zeros(rows)))
        case "constant":
            return np.full(rows, draw(st.sampled_from([0.0, 1.0, np.nan, 1e300])))
        case kind:
            return pd.Series(of(labels if kind == "text" else anything), dtype=object)


@st.composite
def frames(draw):
    """A table of few rows, or none, that mostly has columns y, x and g; a mapping sometimes."""
    rows = draw(st.sampled_from([0, 1, 2, 3, 6, 12, 12, 12]))
    names = [*draw(st.sampled_from(["yxg", "yxg", "yxg", "yx", ""]))]
    names += draw(st.lists(st.sampled_from([*NAMES, 3, None, ("a", "b")]), max_size=1))
    made = [draw(columns(rows)) for _ in names]
    if names and draw(st.integers(0, 3)) == 0:
        return {name: list(column) for name, column in zip(names, made, strict=True)}
    if not made:
        return pd.DataFrame(index=range(rows))
    frame = pd.concat([pd.Series(column) for column in made], axis=1)
    return frame.set_axis(pd.Index(names, dtype=object), axis=1)
