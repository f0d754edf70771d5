"""Every source becomes the same table, and what cannot be read is named."""

import decimal

import hypothesis.extra.pandas as hpd
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refusals import refused
from shoal.errors import DataError
from shoal.tables import Table, read

VALUES = {"y": [1.5, -2.0, 0.25], "n": [3, 1, 2], "g": ["b", "a", "b"], "t": [True, False, True]}
KINDS = {"y": np.dtype(float), "n": np.dtype("int64"), "g": np.dtype(object), "t": np.dtype(bool)}


def write(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    table = pa.table(VALUES)
    if suffix.lower() == ".csv":
        pd.DataFrame(VALUES).to_csv(path, index=False)
    elif suffix == ".parquet":
        pyarrow.parquet.write_table(table, path)
    elif suffix == ".feather":
        pyarrow.feather.write_feather(table, str(path))
    else:
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table)
    return path


@pytest.mark.parametrize(
    "make",
    [
        pd.DataFrame,
        pl.DataFrame,
        pa.table,
        dict,
        lambda values: pd.DataFrame(values, index=[7, 7, 1]),
        lambda values: pd.DataFrame(values).convert_dtypes(),
        lambda values: pd.DataFrame(values).astype({"y": "float32", "n": "uint8", "g": object}),
        lambda values: pd.DataFrame(values, dtype=object),
        lambda values: pl.DataFrame(values).with_columns(pl.col("n").cast(pl.Int16)),
        lambda values: {name: pd.Series(column, index=[2, 1, 0]) for name, column in values.items()},
    ],
)
def test_one_table_from_every_source(make):
    table = read(make(VALUES))
    assert table.frame.dtypes.to_dict() == KINDS
    assert table.frame.to_dict("list") == VALUES
    assert table.frame.index.equals(pd.RangeIndex(3))
    assert (table.n_rows, table.column_names) == (3, ("y", "n", "g", "t"))


@pytest.mark.parametrize("suffix", [".csv", ".CSV", ".parquet", ".feather", ".arrow"])
def test_one_table_from_every_file(tmp_path, suffix):
    path = write(tmp_path, suffix)
    assert read(path).frame.to_dict("list") == VALUES
    some = read(str(path), columns=["g", "y", "g"])
    assert some.frame.to_dict("list") == {"g": VALUES["g"], "y": VALUES["y"]}
    assert some.column_names == ("y", "n", "g", "t")
    with refused("unknown-column", match="no column 'yy'.*\n.*'y'"):
        read(path, columns=["yy"])


@given(
    hpd.data_frames(
        [hpd.column("a", dtype=float), hpd.column("b", dtype="int64")], index=hpd.range_indexes(min_size=1)
    )
)
@settings(deadline=None)  # the first table of a library imports it
def test_numbers_survive_every_library(frame):
    for source in (frame, pl.DataFrame(frame.to_dict("list")), pa.table(frame.to_dict("list"))):
        pd.testing.assert_frame_equal(read(source).frame, frame)


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8")), min_size=1).filter(any))
@settings(deadline=None)
def test_text_survives_every_library(values):
    for source in (pd.DataFrame({"a": values}), pl.DataFrame({"a": values}), pa.table({"a": values})):
        assert read(source).frame["a"].tolist() == values


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([1, None], dtype="Int64"), [1.0, np.nan]),
        (pd.Series([True, None], dtype="boolean"), [1.0, np.nan]),
        (pd.Series([1.5, None], dtype="Float64"), [1.5, np.nan]),
        (pd.Series([1, None], dtype=object), [1.0, np.nan]),
        (pd.Series([None, None], dtype=object), [np.nan, np.nan]),
        (pd.Series([decimal.Decimal("1.5"), pd.NA], dtype=object), [1.5, np.nan]),
        (pl.Series([1, None]), [1.0, np.nan]),
        (pl.Series([True, None]), [1.0, np.nan]),
        (pl.Series([None, None]), [np.nan, np.nan]),
        (pl.Series([decimal.Decimal("1.5"), None]), [1.5, np.nan]),
        (pl.Series([1.5, None], dtype=pl.Object), [1.5, np.nan]),
    ],
)
def test_missing_numbers_are_nan(column, expected):
    frame = pl.DataFrame({"a": column}) if isinstance(column, pl.Series) else pd.DataFrame({"a": column})
    result = read(frame).frame["a"]
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize(
    ("source", "categories", "ordered"),
    [
        (pd.DataFrame({"a": pd.Categorical(["b", None, "b"], ["z", "b"])}), ["z", "b"], False),
        (pd.DataFrame({"a": pd.Categorical(["b", None, "b"], ["z", "b"], ordered=True)}), ["z", "b"], True),
        (pl.DataFrame({"a": pl.Series(["b", None, "b"], dtype=pl.Enum(["z", "b"]))}), ["z", "b"], True),
        (pl.DataFrame({"a": pl.Series(["b", None, "b"], dtype=pl.Categorical)}), ["b"], False),
        (pa.table({"a": pa.DictionaryArray.from_arrays([1, None, 1], ["z", "b"])}), ["z", "b"], False),
        (
            pa.table({"a": pa.DictionaryArray.from_arrays([1, None, 1], ["z", "b"], ordered=True)}),
            ["z", "b"],
            True,
        ),
    ],
)
def test_categories_stay_categories(source, categories, ordered):
    column = read(source).frame["a"]
    assert column.cat.categories.tolist() == categories
    assert column.cat.ordered == ordered
    assert column[[0, 2]].tolist() == ["b", "b"] and pd.isna(column[1])


def test_arrow_chunks_with_different_dictionaries():
    chunks = [pa.array(part).dictionary_encode() for part in (["b", "a"], ["c", "a"])]
    column = read(pa.table({"a": pa.chunked_array(chunks)})).frame["a"]
    assert column.tolist() == ["b", "a", "c", "a"]
    assert column.cat.categories.tolist() == ["b", "a", "c"]


def test_large_ids_are_not_rounded():
    ids = [2**64 - 1, 2**64 - 2, 1]
    for source in ({"a": np.array(ids, dtype="uint64")}, {"a": np.array(ids, dtype=object)}):
        assert read(source).frame["a"].tolist() == ids
    with refused("numbers-too-large", match="64 bits"):
        read({"a": np.array([2**70, -1], dtype=object)})


def test_the_table_is_a_copy():
    values = np.array([1.0, 2.0])
    source = pd.DataFrame({"a": values}, copy=False)
    table = read(source)
    values[0] = 9.0
    source.loc[1, "a"] = 9.0
    assert table.frame["a"].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([1, "a", "b"], "'a'.*2 of type str \\('a', 'b'\\), 1 of type int"),
        # Far behind the rows that narwhals looks at.
        (["a"] * 500 + [1], "500 of type str .*, 1 of type int"),
        ([[1], [2]], "of type list"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"]), "[Dd]atetime"),
        (np.array([1 + 1j, 2]), "complex128"),
        ([b"a", b"b"], "bytes"),
    ],
)
def test_unsupported_columns_are_named_only_when_needed(column, message):
    column = pd.Series(column, dtype=object if isinstance(column, list) else None)
    frame = pd.DataFrame({"a": column, "b": 1.0})
    with pytest.raises(DataError, match=message):
        read(frame)
    assert read(frame, columns=["b"]).column_names == ("a", "b")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (pl.LazyFrame({"a": [1]}), r"lazy.*(\n.*)*\.collect\(\)"),
        ([1, 2], "of type builtins.list"),
        (None, "NoneType"),
        (np.ones((2, 2)), "numpy.ndarray"),
        (pd.Series([1]), "Series"),
        (pd.DataFrame({"a": []}), "0 rows and 1 columns"),
        (pl.DataFrame(), "0 rows and 0 columns"),
        ({}, "0 rows and 0 columns"),
        (pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"]), "several columns: 'a'"),
        (pa.table([[1], [2]], names=["a", "a"]), "several columns: 'a'"),
        (pd.DataFrame([[1, 2]]), "not text: 0, 1"),
        ({"a": [1, 2], "b": [1]}, "'a' has 2, 'b' has 1"),
        ({"a": [1, 2], "b": 1, "c": "xy", "d": np.ones((2, 2))}, "Not one-dimensional: 'b', 'c', 'd'"),
        ("nowhere.csv", "no file 'nowhere.csv'"),
        (".", "is a folder"),
    ],
)
def test_refused_sources(source, message):
    with pytest.raises(DataError, match=message):
        read(source)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_separators_quotes_and_missing_values(tmp_path, separator):
    lines = [["id", '"a;b,c"', "x"], ['"96;4,3"', "1", "NA"], ['"7"', "2", "1.5"]]
    path = tmp_path / "data.csv"
    path.write_text("\ufeff" + "\n".join(separator.join(line) for line in lines), encoding="utf-8")
    table = read(path)
    assert table.column_names == ("id", "a;b,c", "x")
    assert table.frame["id"].tolist() == ["96;4,3", "7"]
    np.testing.assert_array_equal(table.frame["x"], [np.nan, 1.5])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"x,y\n", "0 rows"),
        ("a.csv", b"x,y,x\n1,2,3\n", "several columns: 'x'"),
        ("a.csv", b"x,y\n1,2,3\n4,5,6\n", "cannot be read"),
        ("a.csv", b"x,y\n1,2\n4,5,6\n", "cannot be read"),
        ("a.csv", b"x,y\n\xff\xfe,1\n", "cannot be read(.*\n)+.*UTF-8"),
        ("a.csv", b"x;y\n1,5;a\n2,25;b\n", "decimal comma, such as '1,5'"),
        ("a.parquet", b"not parquet", "cannot be read"),
        ("a.feather", b"not arrow", "cannot be read"),
        ("a.xlsx", b"", "ends in '.xlsx'"),
        ("a", b"", "ends in ''"),
    ],
)
def test_refused_files(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(path)


def test_csv_with_unnamed_columns(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text('"",x,,\n1,2,,\n')
    assert read(path).column_names == ("Unnamed: 0", "x", "Unnamed: 2", "Unnamed: 3")


def test_select():
    table = read(VALUES, columns=["y", "n"])
    assert isinstance(table.select(["n", "n"]), Table)
    assert list(table.select(["n", "y"]).frame.columns) == ["n", "y"]
    with refused("unknown-column", match="no column 'm', 'zz'"):
        table.select(["m", "y", "zz"])
    with refused("column-not-read", match="Not read.*'g'"):
        table.select(["g"])


def test_incomplete_columns_are_counted_in_one_error():
    table = read({"x": [1.0, np.nan, np.inf, np.nan], "g": ["a", None, "b", "c"], "z": [1, 2, 3, 4]})
    with pytest.raises(DataError) as raised:
        table.check_complete()
    text = str(raised.value)
    assert "'x': 2 missing of 4 (row 1, 3)" in text
    assert "'x': 1 infinite of 4 (row 2)" in text
    assert "'g': 1 missing of 4 (row 1)" in text
    assert "'z'" not in text
    table.check_complete(["z"])
    assert table.n_rows == 4


def test_a_row_with_too_many_fields_is_refused_whatever_columns_are_read(tmp_path):
    """Decimal commas without quotes, or a stray separator, must not shift or cut the row."""
    path = tmp_path / "euro.csv"
    path.write_text("y,x\n1,5,2\n2,5,1\n3,1,7\n4,4,3\n")
    for columns in (None, ["y"], ["y", "x"]):
        with refused("data-file-unreadable"):
            read(path, columns)
