"""The public `Model` and `Fit`: arguments, reproducibility, sources, and refusals before any compilation."""

import os
import signal
import subprocess
import sys
import threading
import time

import numba
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
import threadpoolctl

import shoal as sl
from compiling import compiled_functions, used_kernels
from refusals import refused
from shoal.engine.progress import Progress
from shoal.errors import DataError, FormulaError, ModelError, PriorError, ShoalWarning

N = sl.priors
RUN = {"draws": 40, "chains": 2, "seed": 5, "warmup": 100, "cores": 1}
FORMULAS = {
    "gaussian": ("y ~ x + (1 | g)", "gaussian"),
    "bernoulli": ("b ~ x + (1 | g)", "bernoulli"),
}


def table(seed=0, groups=4, size=6):
    rng = np.random.default_rng(seed)
    g, n = np.repeat(np.arange(groups), size), groups * size
    trials = rng.integers(2, 6, n)
    return pd.DataFrame(
        {
            "y": g + rng.normal(size=n),
            "x": rng.normal(size=n),
            "b": rng.permutation(np.arange(n) % 2),
            "k": rng.integers(0, trials + 1),
            "n": trials,
            "s": rng.uniform(0.5, 1.5, n),
            "o": rng.normal(size=n),
            "w": np.full(n, 2),
            "g": np.array(["d", "a", "c", "b", "e", "f"])[g],
            "id": np.arange(n),
        }
    )


def posterior(fit):
    return fit.tree["posterior"].to_dataset()


def fitted(formula, data, family="gaussian", priors=None, **options):
    return posterior(sl.Model(formula, data, family=family, priors=priors).fit(**{**RUN, **options}))


# Reproducibility


@pytest.mark.parametrize("kind", FORMULAS)
def test_same_seed_same_draws_on_any_number_of_cores(kind):
    formula, family = FORMULAS[kind]
    one, two = (fitted(formula, table(), family, cores=cores, chains=3) for cores in (1, 2))
    assert one.identical(two)


def test_another_seed_gives_other_draws():
    a, b = (fitted("y ~ x + (1 | g)", table(), seed=seed) for seed in (5, 6))
    assert not np.array_equal(a["sigma"], b["sigma"])


def test_without_a_seed_a_fresh_one_is_drawn_and_kept():
    model = sl.Model("y ~ x + (1 | g)", table())
    a, b = (model.fit(**{**RUN, "seed": None}) for _ in range(2))
    assert a.tree.attrs["seed"] != b.tree.attrs["seed"]
    again = model.fit(**{**RUN, "seed": int(a.tree.attrs["seed"])})
    assert posterior(again).identical(posterior(a))


def test_more_draws_begin_with_the_same_chains_apart():
    """Chains differ from each other: each has its own stream."""
    p = fitted("y ~ x + (1 | g)", table(), chains=4)
    assert len(np.unique(p["sigma"].values[:, 0])) == 4


@pytest.mark.parametrize("kind", FORMULAS)
def test_a_second_fit_compiles_nothing(kind):
    """With other levels, responses, numbers in the priors, another seed, more chains, another factor."""
    formula, family = FORMULAS[kind]
    slopes = formula.replace("(1 | g)", "(1 + x | g)")
    sl.Model(slopes, table(), family, {"sd": N.HalfNormal(1)}).fit(**RUN)
    other = table(groups=5).assign(y=lambda d: d["y"][::-1].to_numpy() ** 2, b=lambda d: 1 - d["b"])
    other["h"] = np.arange(len(other)) % 3
    for written in (slopes, f"{slopes} + (1 | h)", formula):
        with compiled_functions() as compiled:
            sl.Model(written, other, family, {"sd": N.HalfNormal(3)}).fit(
                **{**RUN, "seed": 8, "chains": 3, "draws": 60}
            )
        assert compiled == [], written


def test_compiling_is_noticed():
    """The two tests of what is compiled and what is used see what they look for."""

    @numba.njit
    def fresh(x):
        return x + 1

    with compiled_functions() as compiled:
        fresh(1.0)
        fresh(2.0)
    assert [name.rpartition(".")[2] for name in compiled] == ["fresh"]


# The same posterior, written differently


def log_marginals(model):
    """Return the log marginal density of ten random thetas."""
    target = model.posterior().target
    return target.marginals(target.start + np.random.default_rng(1).normal(0, 0.5, (10, target.n_theta)))


EXPLICIT = {"Intercept": N.Normal(0, 2), "b": N.Normal(0, 1), "sd": N.HalfNormal(1)}


@pytest.mark.parametrize(
    "response, family, priors",
    [
        ("y | weights(w)", "gaussian", {"sigma": N.HalfNormal(1)}),
        ("y | se(s) + weights(w)", "gaussian", {}),
        ("b | weights(w)", "bernoulli", {}),
        ("k | trials(n) + weights(w)", "binomial", {}),
    ],
)
def test_a_weight_of_two_is_the_row_twice(response, family, priors):
    plain = response.replace(" + weights(w)", "").replace(" | weights(w)", "")
    data, priors = table(), {**EXPLICIT, **priors}
    weighted = sl.Model(f"{response} ~ x + (1 | g)", data, family, priors)
    doubled = sl.Model(f"{plain} ~ x + (1 | g)", pd.concat([data, data]), family, priors)
    single = sl.Model(f"{plain} ~ x + (1 | g)", data, family, priors)
    np.testing.assert_allclose(log_marginals(weighted), log_marginals(doubled), rtol=1e-10)
    assert not np.allclose(log_marginals(weighted), log_marginals(single))


def test_an_offset_is_taken_off_a_normal_response():
    priors = {**EXPLICIT, "sigma": N.HalfNormal(1)}
    a = sl.Model("y ~ x + offset(2 * o) + (1 | g)", table(), priors=priors).posterior().target
    taken_off = table().assign(y=lambda d: d["y"] - 2 * d["o"])
    b = sl.Model("y ~ x + (1 | g)", taken_off, priors=priors).posterior().target
    thetas = a.start + np.random.default_rng(1).normal(0, 0.5, (10, a.n_theta))
    np.testing.assert_allclose(a.marginals(thetas), b.marginals(thetas), rtol=1e-9)


def test_an_offset_shifts_a_logit():
    """A constant offset moves the Intercept by as much the other way, under a prior moved with it."""
    data = table().assign(c=0.7)
    sd = {"sd": N.HalfNormal(1)}
    a = sl.Model("b ~ offset(c) + (1 | g)", data, "bernoulli", {**sd, "Intercept": N.Normal(0, 2)})
    b = sl.Model("b ~ 1 + (1 | g)", data, "bernoulli", {**sd, "Intercept": N.Normal(0.7, 2)})
    np.testing.assert_allclose(log_marginals(a), log_marginals(b), rtol=1e-9)


@pytest.mark.parametrize("family", ["bernoulli", "binomial"])
def test_a_binary_row_is_a_binomial_of_one_trial(family):
    response = {"bernoulli": "b", "binomial": "b | trials(one)"}[family]
    model = sl.Model(f"{response} ~ x + (1 | g)", table().assign(one=1), family, EXPLICIT)
    reference = sl.Model("b ~ x + (1 | g)", table(), "bernoulli", EXPLICIT)
    np.testing.assert_allclose(log_marginals(model), log_marginals(reference), rtol=1e-12)


def test_the_order_of_rows_does_not_matter():
    data = table()
    shuffled = data.sample(frac=1, random_state=3)
    for formula, family in FORMULAS.values():
        a, b = (sl.Model(formula, d, family, EXPLICIT) for d in (data, shuffled))
        np.testing.assert_allclose(log_marginals(a), log_marginals(b), rtol=1e-10)


# Sources


def test_every_source_gives_the_same_draws(tmp_path):
    data = table()
    arrow = pa.Table.from_pandas(data)
    data.to_csv(tmp_path / "data.csv", index=False)
    pyarrow.parquet.write_table(arrow, tmp_path / "data.parquet")
    sources = {
        "dict": {name: data[name].to_numpy() for name in data},
        "polars": pl.from_pandas(data),
        "pyarrow": arrow,
        "CSV": tmp_path / "data.csv",
        "CSV as str": str(tmp_path / "data.csv"),
        "Parquet": tmp_path / "data.parquet",
        "other row labels": data.set_index(data["id"] + 100),
    }
    expected = fitted("y ~ x + (1 | g)", data)
    for name, source in sources.items():
        assert fitted("y ~ x + (1 | g)", source).equals(expected), name


def test_the_users_table_is_not_changed():
    data = table()
    before = data.copy(deep=True)
    sl.Model("y ~ x + (1 | g)", data).fit(**RUN)
    pd.testing.assert_frame_equal(data, before)


# Being a good guest


def test_the_users_threads_and_error_state_are_left_alone():
    before = np.geterr(), threadpoolctl.threadpool_info()
    p = fitted("y ~ x + (1 | g)", table())
    assert p["x"].dtype == np.float64
    assert (np.geterr(), threadpoolctl.threadpool_info()) == before


def run_python(code, **environment):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
    ).stdout.split()


def test_importing_shoal_imports_nothing_heavy():
    heavy = ("numba", "pandas", "numpy", "xarray", "scipy", "arviz_stats", "formulaic", "matplotlib")
    code = f"import sys, shoal; print(*[m for m in {heavy} if m in sys.modules])"
    assert run_python(code) == []


def test_public_names_are_all_there_and_no_others():
    assert sorted(dir(sl)) == sorted(sl.__all__) == sorted({*sl._PLACES, *sl._MODULES})
    for name in sl.__all__:
        assert getattr(sl, name).__name__ == sl._MODULES.get(name, name)
    with pytest.raises(AttributeError, match="no attribute 'modle'"):
        sl.modle  # noqa: B018


def test_fitting_is_silent(capfd):
    fitted("y ~ x + (1 | g)", table())
    assert capfd.readouterr() == ("", "")


def test_showing_progress_leaves_standard_output_and_the_draws_alone(capfd):
    shown = fitted("y ~ x + (1 | g)", table(), progress=True)
    assert capfd.readouterr().out == ""
    assert shown.equals(fitted("y ~ x + (1 | g)", table(), progress=False))


def test_ordinary_fits_import_nothing_they_do_not_need():
    """Others' engines, and half a second of SciPy's distributions and optimizers."""
    others = ("jax", "jaxlib", "pymc", "pytensor", "scipy.stats", "scipy.optimize", "matplotlib")
    code = (
        "import sys, pandas as pd, shoal as sl\n"
        "d = pd.DataFrame({'y': [1.0, 2.0, 4.0, 3.0], 'g': [1, 1, 2, 2]})\n"
        "sl.Model('y ~ 1 + (1 | g)', d).fit(draws=60, chains=1, seed=1).summary()\n"
        f"print(*[name for name in {others} if name in sys.modules])\n"
    )
    assert run_python(code) == []


@pytest.mark.parametrize("kind", FORMULAS)
def test_ctrl_c_stops_a_run_at_once_and_leaves_nothing_running(kind, monkeypatch):
    """The signal comes after the first piece of draws; a hundred more were to come."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs behind it
    formula, family = FORMULAS[kind]
    model = sl.Model(formula, table(), family)
    model.fit(**RUN)
    threads, pieces = threading.active_count(), []

    def interrupt(self, draws):
        pieces.append(draws)
        if len(pieces) == 1:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)

    monkeypatch.setattr(Progress, "drawn", interrupt)
    with pytest.raises(KeyboardInterrupt):
        model.fit(**{**RUN, "draws": 20_000})
    assert sum(pieces) < 20_000
    until = time.monotonic() + 5  # a machine at its limit takes a moment to end a thread
    while threading.active_count() > threads and time.monotonic() < until:
        time.sleep(0.05)
    assert threading.active_count() == threads
    monkeypatch.undo()
    assert posterior(model.fit(**RUN)).sizes["draw"] == 40


# Arguments of fit()


@pytest.mark.parametrize(
    "argument, value, message",
    [
        ("draws", 0, "draws=0"),
        ("draws", 10.0, "draws=10.0"),
        ("draws", True, "draws=True"),
        ("chains", 0, "chains is an integer of at least 1"),
        ("warmup", -1, "warmup is an integer of at least 0"),
        ("cores", 0, "cores is an integer of at least 1"),
        ("seed", -1, "seed is an integer of at least 0"),
        ("seed", "one", "seed='one'"),
        ("target_accept", 1.0, "between 0 and 1"),
        ("target_accept", 0, "between 0 and 1"),
        ("target_accept", "a", "between 0 and 1"),
        ("store", "disc", "auto, double, single, disk, replay, summaries, none"),
        ("store", "sinlge", "Did you mean 'single'"),
        ("coordinates", "noncentred", "Did you mean 'noncentered'"),
        ("sampler", "metropolis", "independence, quadrature, alternating, hmc, nuts"),
    ],
)
def test_an_impossible_argument_is_named(argument, value, message, monkeypatch):
    with used_kernels(monkeypatch) as used, pytest.raises(ModelError, match=message):
        sl.Model("y ~ x + (1 | g)", table()).fit(**{**RUN, argument: value})
    assert used == []


def test_an_independence_sampler_needs_integrated_effects():
    with refused("independence-sampler"):
        sl.Model("b ~ x + (1 | g)", table(), "bernoulli").fit(sampler="independence")
    with refused("independence-sampler", match="coordinates='auto'"):
        sl.Model("y ~ x + (1 | g)", table()).fit(sampler="independence", coordinates="centered")


@pytest.mark.parametrize("kept", [False, True])
def test_numbers_of_numpy_are_numbers(kept, tmp_path):
    model, whole = sl.Model("y ~ x + (1 | g)", table()), {"seed": 5, "draws": 10, "warmup": 40, "thin": 2}
    given = {name: np.int64(value) for name, value in whole.items()} | {"target_accept": np.float32(0.75)}
    checkpoint = {"checkpoint": tmp_path / "run.zarr"} if kept else {}
    fit = model.fit(**RUN | given, **checkpoint)
    assert fit.tree["posterior"].equals(model.fit(**RUN | whole, target_accept=0.75).tree["posterior"])


def test_what_many_fits_depend_on_is_text_and_numbers(tmp_path):
    def fit(number):
        return pd.DataFrame({"number": [number]})

    how = {"checkpoint": tmp_path / "fits", "cores": 1, "progress": False}
    sl.many_fits(fit, 2, about={"n": np.int64(3)}, **how)
    assert len(sl.many_fits(fit, 2, about={"n": 3}, **how)) == 2
    with refused("about-not-storable", match="object"):
        sl.many_fits(fit, 2, about={"n": object()}, **how)


@pytest.mark.parametrize("draws", [4, 35, 99])
def test_any_allowed_number_of_draws_is_kept(draws):
    assert fitted("y ~ x + (1 | g)", table(), draws=draws).sizes["draw"] == draws


def test_a_short_run_is_not_sampled_again_for_being_short():
    fit = sl.Model("y ~ x + (1 | g)", table()).fit(**{**RUN, "draws": 101, "chains": 4})
    assert fit.tree["posterior"].sizes["draw"] == 101
    assert fit.tree.attrs["sampler"] == "independence"


# The model as its parts


def test_the_parts_of_a_model_can_be_looked_at():
    model = sl.Model("y ~ x + (1 | g)", table(), priors={"x": N.Normal(0, 1)})
    assert model.design.columns == ("Intercept", "x") and model.design.n_rows == 24
    assert model.design.groups[0].labels.tolist() == ["a", "b", "c", "d"]
    assert model.priors["x"] == N.Normal(0, 1) and set(model.priors) == {
        "Intercept",
        "x",
        "sd_g[Intercept]",
        "sigma",
    }
    assert model.plan.integrate and model.plan.sampler == "independence"
    fit = model.fit(**RUN)
    assert fit.model.priors == model.priors and str(fit.model) == str(model)


# Refusals: what was found, what was needed, what to do; before anything is compiled


def values(**columns):
    """Return a change of the table: each column's first values replaced."""

    def change(data):
        for name, new in columns.items():
            column = data[name].tolist()
            data[name] = pd.Series([*new, *column[len(new) :]])
        return data

    return change


def same(data):
    return data


REFUSED = {
    "missing values are counted by column": (
        "y ~ x + (1 | g)",
        values(y=[None, 1.0, None], g=["a", None]),
        "gaussian",
        DataError,
        ["'y': 2 missing of 24 (row 0, 2)", "'g': 1 missing of 24 (row 1)", "missing='drop'"],
    ),
    "infinite values": (
        "y ~ x",
        values(x=[1.0, np.inf]),
        "gaussian",
        DataError,
        ["'x': 1 infinite of 24 (row 1)"],
    ),
    "a transformation that is not finite": (
        "y ~ x + offset(log(o))",
        values(o=[0.0] + [1.0] * 23),
        "gaussian",
        DataError,
        ["log(o)", "row"],
    ),
    "an unknown column": (
        "y ~ xx + (1 | g)",
        same,
        "gaussian",
        DataError,
        ["no column 'xx'", "Did you mean 'x'"],
    ),
    "an unknown group": ("y ~ x + (1 | gg)", same, "gaussian", DataError, ["no column 'gg'", "'g'"]),
    "a factor of one level": (
        "y ~ x + (1 | g)",
        lambda d: d.assign(g="only"),
        "gaussian",
        DataError,
        ["'g' has one level ('only')", "At least two levels", "Drop the term"],
    ),
    "a level a row": (
        "y ~ x + (1 | id)",
        same,
        "gaussian",
        DataError,
        ["24 rows is its own level of 'id'", "se(s)"],
    ),
    "responses that are not 0 or 1": (
        "b ~ x + (1 | g)",
        values(b=[0, 2, 1, 3]),
        "bernoulli",
        DataError,
        ["'b' has values other than 0 and 1 in 2 of 24 rows (row 1: 2, row 3: 3)", "trials(n)"],
    ),
    "more successes than trials": (
        "k | trials(n) ~ x",
        values(k=[1, 9], n=[2, 5]),
        "binomial",
        DataError,
        ["more successes than trials in 1 row (row 1: 9 of 5)"],
    ),
    "negative counts": (
        "k | trials(n) ~ x",
        values(k=[-1]),
        "binomial",
        DataError,
        ["negative counts", "row 0: -1"],
    ),
    "counts that are not whole": (
        "k | trials(n) ~ x",
        values(k=[0.5]),
        "binomial",
        DataError,
        ["non-integer counts", "row 0: 0.5"],
    ),
    "no trials": (
        "k | trials(n) ~ x",
        values(k=[0], n=[0]),
        "binomial",
        DataError,
        ["trials below 1", "row 0: 0 of 0"],
    ),
    "trials left out": ("k ~ x", same, "binomial", ModelError, ["needs trials(...)", "k | trials("]),
    "trials of a normal response": (
        "y | trials(n) ~ x",
        same,
        "gaussian",
        ModelError,
        ["trials(...)", "binomial"],
    ),
    "standard errors of counts": (
        "k | trials(n) + se(s) ~ x",
        same,
        "binomial",
        ModelError,
        ["se(...)", "trials"],
    ),
    "a standard error of zero": (
        "y | se(s) ~ x",
        values(s=[1.0, 0.0, -2.0]),
        "gaussian",
        DataError,
        ["Standard errors 's' are not above zero in 2 rows (row 1: 0, row 2: -2)"],
    ),
    "a weight below zero": (
        "y | weights(w) ~ x",
        values(w=[-1]),
        "gaussian",
        DataError,
        ["Weights 'w'", "zero for rows that should not count"],
    ),
    "duplicated columns": (
        "y ~ x",
        lambda d: pd.concat([d, d[["x"]]], axis=1),
        "gaussian",
        DataError,
        ["several columns: 'x'", "unique"],
    ),
    "no rows": ("y ~ x", lambda d: d.iloc[:0], "gaussian", DataError, ["0 rows"]),
    "no columns": ("y ~ x", lambda d: pd.DataFrame(), "gaussian", DataError, ["0 columns"]),
    "a constant column": (
        "y ~ x + o + (1 | g)",
        lambda d: d.assign(o=3),
        "gaussian",
        DataError,
        ["'o' has the same value, 3, in all 24 rows", "Remove 'o'"],
    ),
    "a constant response": (
        "y ~ x",
        lambda d: d.assign(y=1.0),
        "gaussian",
        DataError,
        ["'y' has the same value, 1"],
    ),
    "text for a response": ("g ~ x", same, "gaussian", DataError, ["'g' holds 'd'", "not numbers"]),
    "dates": (
        "y ~ x",
        lambda d: d.assign(x=pd.date_range("2020", periods=24)),
        "gaussian",
        DataError,
        ["'x'", "Datetime", "(data['x'] - data['x'].min()).dt.days"],
    ),
    "zero-sum in one term of two": (
        "y ~ x + (1 | g) + (0 + x | gr(g, zero_sum=True))",
        same,
        "gaussian",
        ModelError,
        ["differ in zero_sum"],
    ),
    "an effect twice": (
        "y ~ x + (1 | g) + (x | g)",
        same,
        "gaussian",
        ModelError,
        ["Intercept", "twice", "0 + x"],
    ),
    "a bar without parentheses": (
        "y ~ x + 1 | g",
        same,
        "gaussian",
        FormulaError,
        ["bar without parentheses", "y ~ x + 1 | g\n              ^\n", "y ~ x + 1 + (x + 1 | g)"],
    ),
    "no tilde": ("y + x", same, "gaussian", FormulaError, ["no '~'"]),
    "an unknown function": ("y ~ lgo(x)", same, "gaussian", FormulaError, ["lgo", "^^^", "log"]),
    "a file that is not there": (
        "y ~ x",
        lambda d: "no/such/file.csv",
        "gaussian",
        DataError,
        ["no file", "file.csv"],
    ),
    "no table": ("y ~ x", lambda d: 3, "gaussian", DataError, ["type builtins.int", "table"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_by_name_before_anything_is_compiled(case, monkeypatch):
    formula, change, family, error, parts = REFUSED[case]
    data = change(table())
    with used_kernels(monkeypatch) as used, pytest.raises(error) as refusal:
        sl.Model(formula, data, family=family)
    assert used == []
    for part in parts:
        assert part in str(refusal.value), f"{part!r} is not in:\n{refusal.value}"


BAD_PRIORS = {
    "an unknown parameter": ({"sd_school": N.HalfNormal(1)}, ["no parameter 'sd_school'", "sd_g[Intercept]"]),
    "a misspelt one": ({"Intercpt": N.Normal(0, 1)}, ["Did you mean 'Intercept'"]),
    "a real prior of an sd": ({"sd": N.Normal(0, 1)}, ["Normal has support 'real'", "HalfNormal"]),
    "a positive prior of a slope": (
        {"b": N.Exponential(1)},
        ["support 'positive'", "Normal, StudentT, Laplace or Fixed"],
    ),
    "a known sd of zero": ({"sigma": N.Fixed(0)}, ["'sigma' is Fixed(0)", "greater than zero"]),
    "something else": ({"x": 3}, ["The prior of 'x' is 3", "sl.priors.Normal"]),
}


@pytest.mark.parametrize("case", BAD_PRIORS)
def test_a_bad_prior_is_refused_by_name(case):
    priors, parts = BAD_PRIORS[case]
    with pytest.raises(PriorError) as refusal:
        sl.Model("y ~ x + (1 | g)", table(), priors=priors)
    for part in parts:
        assert part in str(refusal.value)


def test_an_unknown_family_is_named():
    with refused("unknown-family"):
        sl.Model("y ~ x", table(), family="gausian")


@pytest.mark.parametrize(
    "formula, family",
    [
        ("y | se(s) ~ x + (1 | id)", "gaussian"),
        ("k | trials(n) ~ x + (1 | id)", "binomial"),
        ("b ~ 1 + (1 | id)", "bernoulli"),
        ("y ~ x + (0 + x | id)", "gaussian"),
    ],
)
def test_a_level_a_row_is_fine_where_the_rows_have_their_own_spread(formula, family):
    assert len(sl.Model(formula, table(), family=family).design.groups[0].labels) == 24


def test_columns_the_formula_does_not_name_may_hold_anything():
    data = table().assign(junk=[None, object()] * 12, when=pd.NaT, z=np.inf)
    assert sl.Model("y ~ x + (1 | g)", data).design.n_rows == 24


def separated(formula, data):
    """Return the message of the warning about separation."""
    with pytest.warns(ShoalWarning, match="separation") as caught:
        sl.Model(formula, data, family="bernoulli")
    return str(caught[0].message)


def test_complete_separation_names_the_column():
    data = table().assign(z=lambda d: d["b"] * 2.0 - 1 + d["x"] / 100)
    assert "separation: z predicts" in separated("b ~ z + (1 | g)", data)


def test_quasi_complete_separation_names_the_dummy():
    """Level c has successes only; the others have both."""
    data = table().assign(b=lambda d: np.where(d["g"] == "c", 1, np.arange(24) % 2))
    assert "separation: C(g)[T.c] predicts" in separated("b ~ x + C(g)", data)


def test_separation_does_not_name_innocent_columns():
    data = table().assign(z=lambda d: d["b"] * 2.0 - 1 + d["x"] / 100)
    assert "separation: z predicts" in separated("b ~ o + z + (1 | g)", data)


def test_responses_all_alike_are_a_warning():
    with pytest.warns(ShoalWarning, match="All 24 responses sit at one edge"):
        sl.Model("b ~ 1 + (1 | g)", table().assign(b=0), family="bernoulli")


def test_overlapping_responses_are_not_separated():
    """Warnings are errors here: none is given where the classes overlap."""
    assert sl.Model("b ~ x + o + (1 | g)", table(), family="bernoulli").design.n_rows == 24
