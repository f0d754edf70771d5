"""Tables, and files of tables."""

CASES = {
    "not-a-table": [
        'sl.Model("y ~ x", None)',
        'sl.Model("y ~ x", [1, 2])',
        'sl.Model("y ~ x", data.to_numpy())',
        'sl.Model("y ~ x", data["y"])',
        'sl.group_means(3, "y", by="g")',
    ],
    "empty-table": [
        'sl.Model("y ~ x", {})',
        'sl.Model("y ~ x", data.head(0))',
        'sl.Model("y ~ x", data[[]])',
    ],
    "not-one-dimensional": [
        'sl.Model("y ~ x", {"y": 1, "x": 2})',
        'sl.Model("y ~ x", data.to_dict())',
        'sl.Model("y ~ x", {"y": [1, 2], "x": [[1], [1, 2]]})',
    ],
    "column-lengths": ['sl.Model("y ~ x", {"y": [1, 2, 3], "x": [1, 2]})'],
    "no-data-file": [
        'sl.Model("y ~ x", "nosuch.csv")',
        'sl.Model("y ~ x", "radon")',
        'sl.Model("y ~ x", "folder.nc")',
        'sl.Model("y ~ x", "https://example.com/data.csv")',
        'sl.Model("y ~ x", data[["y", "x"]].head(20).to_json())',
    ],
    "data-file-ending": ['sl.Model("y ~ x", "book.xlsx")'],
    "data-file-empty": ['sl.Model("y ~ x", "empty.csv")'],
    "decimal-comma": ['sl.Model("y ~ x", "comma.csv")'],
    "unknown-data-set": ['sl.load_dataset("radn")', "sl.load_dataset(3)"],
    "column-constant": ['sl.Model("y ~ x", data.head(1))', 'sl.Model("y ~ x", data.assign(x=1e18 + data.x))'],
    "missing-values": [
        'sl.Model("y ~ x", data.assign(x=np.nan))',
        'sl.Model("y ~ x", data.assign(x=np.inf))',
        'sl.Model("y ~ x", data.assign(x=[1, None] * 12))',
        'sl.Model("y ~ (1 | g)", data.assign(g=[None, "a", "b"] * 8))',
        'sl.group_means(data.assign(y=np.nan), "y", by="g")',
    ],
    "no-row-left": ['sl.Model("y ~ x", data.assign(x=np.nan), missing="drop")'],
    "numbers-too-large": [
        'sl.Model("y ~ x", data.assign(x=1e300 * data.x))',
        'sl.Model("y ~ x", data.assign(x=1e-300 * data.x))',
        'sl.Model("y ~ x", data.assign(x=[2**70 + i for i in range(24)]))',
    ],
    "mean-too-large": ['sl.Model("y ~ x", data.assign(y=1e13 + data.y))'],
    "text-of-numbers": [
        'sl.Model("y ~ x", data.assign(x=data.x.astype(str)))',
        'sl.Model("y ~ x", data.assign(x=data.x.astype(str).str.replace(".", ",")))',
        'sl.Model("y ~ x", data.assign(x=["2024-01-01", "2024-01-02"] * 12))',
    ],
    "column-type": [
        'sl.Model("y ~ x", data.assign(x=[[1]] * 24))',
        'sl.Model("y ~ x", data.assign(x=[1, "a"] * 12))',
        'sl.Model("y ~ x", data.assign(x=[True, 3] * 12))',
        'sl.Model("y ~ x", data.assign(x=data.x + 1j))',
        'sl.Model("y ~ x", data.assign(x=[b"a", b"b"] * 12))',
        'sl.Model("y ~ x", data.assign(x=[datetime.date(2024, 1, 1)] * 24))',
        'sl.Model("y ~ x", data.assign(x=pd.arrays.SparseArray(data.x)))',
        'sl.Model("y ~ x", data.assign(x=pd.Categorical([1.5, "a"] * 12)))',
    ],
    "durations": ['sl.Model("y ~ x", data.assign(x=pd.to_timedelta(np.arange(24), "s")))'],
    "one-level": [
        'sl.Model("y ~ x", data.assign(x=["a"] * 24))',
        'sl.Model("y ~ (1 | g)", data.assign(g="a"))',
    ],
    "one-row-a-level": ['sl.Model("y ~ (1 | g)", data.assign(g=data.x))'],
    "levels-alike": [
        'sl.Model("y ~ (1 | g:f)", data.assign(g=["a:b", "a"] * 12, f=["c", "b:c"] * 12))',
    ],
    "text-not-storable": [
        r'sl.Model("y ~ (1 | g)", data.assign(g=["a\0", "b"] * 12))',
        r'sl.Model("y ~ (1 | g)", {"y": data.y, "g": ["a\ud800", "b"] * 12})',
        r'sl.Model("y ~ x", {"y": data.y, "x\ud800": data.x})',
    ],
    "factor-name": ['sl.Model("y ~ (1 | sigma)", data.rename(columns={"g": "sigma"}))'],
    "repeated-column-name": [
        'sl.Model("y ~ x", data.rename(columns={"z": "x"}))',
        'sl.Model("y ~ x", "twice.csv")',
    ],
    "column-name-not-text": [
        'sl.Model("y ~ x", data.rename(columns={"z": 3}))',
        'sl.Model("y ~ x", data.T)',
    ],
    "column-name-with-slash": ['sl.Model("y ~ `..`", data.rename(columns={"x": ".."}))'],
    "unknown-column": [
        'sl.Model("y ~ x", data.set_index("x"))',
        'sl.group_means(data, "y", by="nosuch")',
    ],
    "columns-dependent": ['sl.Model("y ~ x + z", data.assign(z=2 * data.x))'],
    "not-numbers": ['sl.group_means(data, "f", by="g")'],
    "means-columns": ['sl.group_means(data, "y", by="y")', 'sl.group_means(data, 3, by="g")'],
    "column-name-taken": ['sl.group_means(data.rename(columns={"h": "se"}), "y", by="se")'],
    "unknown-choice": ['sl.Model("y ~ x", data, missing="drp")'],
    "unknown-argument": [
        'sl.Model("y ~ x", data, weights="w")',
        'sl.Model("y ~ x", data, famly="poisson")',
        'sl.Model("y ~ x", data, cores=2)',
    ],
    "function-not-registered": [
        'sl.register_function("log", np.log)',
        'sl.register_function("a b", np.log)',
        'sl.register_function("cube", 3)',
        "sl.register_function(3, np.log)",
    ],
}

# Whose messages end in the words of the library that could not read the file.
OF_LIBRARIES = {
    "data-file-unreadable": [
        'sl.Model("y ~ x", "bytes.csv")',
        'sl.Model("y ~ x", "quote.csv")',
        'sl.Model("y ~ x", "ragged.csv")',
        'sl.Model("y ~ x", "junk.parquet")',
    ],
}
