"""Rows of many different values, which stay where they are: density, priors and draws as in memory."""

import errno
import json
import os
import signal

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from clusters import two_workers
from oracles import z_scores
from reduction.tables import DASK, SPARK, in_dask, in_pandas, in_polars
from refusals import refused
from shoal.engine.progress import Progress
from shoal.engine.rounds.marginal import Marginal
from shoal.engine.rules import Rule
from shoal.errors import ModelError, ShoalWarning
from shoal.fit.holders import holder_of
from shoal.fit.posterior import posterior_of
from shoal.reduction import far_rows, reduce

RULE = Rule("hermite", 9)
SLOPES = "one ~ x + scale(z) + f + x:f + (1 + x | g)"
PLAIN = "one ~ x + (1 | g)"


def rows(count=900, levels=30, seed=1):
    rng = np.random.default_rng(seed)
    g, x = rng.integers(0, levels, count), rng.normal(3, 2, count)
    data = pd.DataFrame({"g": [f"level {i}" for i in g], "x": x, "z": rng.standard_t(3, count)})
    data["h"], data["f"] = rng.integers(0, 2, count), rng.choice(["a", "b", "c"], count, p=[0.6, 0.36, 0.04])
    eta = 0.3 * (x - 3) + 0.8 * rng.normal(size=levels)[g]
    data["n"], data["w"] = rng.integers(1, 5, count), rng.integers(1, 3, count)
    data["one"] = rng.binomial(1, 1 / (1 + np.exp(-eta)))
    data["of"] = rng.binomial(data["n"], 1 / (1 + np.exp(-eta)))
    data["count"] = rng.poisson(np.exp(0.4 * eta))
    data["grade"] = np.digitize(eta + rng.logistic(size=count), [-1, 0, 1])
    data["censored"] = np.where(data["count"] > 2, "right", "none")
    return data


def in_files(data, folder):
    pytest.importorskip("duckdb", reason="the extra `duckdb` is not installed")
    for part in range(3):
        data.iloc[part::3].to_parquet(folder / f"part-{part}.parquet")
    return str(folder)


@pytest.fixture(autouse=True)
def stay(monkeypatch):
    """Few different rows are too many here."""
    monkeypatch.setattr(reduce, "MOST_MERGED", 10)


def density(model, thetas):
    own = posterior_of(model.specification, sampler="quadrature")
    with holder_of(own, 2) as holder:
        return Marginal(own.target, holder, Progress()).log_density(thetas, RULE)


def same(model, there, given=False):
    assert there.specification.stays
    assert there.design.columns == model.design.columns
    assert there.design.observations == model.design.n_rows
    model = model.with_priors(model.priors) if given else model  # none is a default, which speak of averages
    for name, prior in model.priors.items():
        assert type(there.priors[name]) is type(prior)
        np.testing.assert_allclose(there.priors[name].params, prior.params, 1e-9, atol=1e-9, err_msg=name)
    target = posterior_of(model.specification, sampler="quadrature").target
    thetas = target.start + 0.3 * np.random.default_rng(0).normal(size=(5, target.n_theta))
    np.testing.assert_allclose(density(there, thetas), density(model, thetas), rtol=1e-9)


@pytest.mark.parametrize("engine", [in_files, in_polars, DASK, in_pandas, SPARK])
def test_rows_that_stay_have_the_density_and_the_priors_of_those_in_memory(engine, tmp_path):
    data = rows()
    same(*(sl.Model(SLOPES, own, "bernoulli") for own in (data, engine(data, tmp_path))))


@pytest.mark.parametrize(
    "formula, family",
    [
        ("of | trials(n) + weights(w) ~ x + (1 | g)", "binomial"),
        ("count | rate(n) ~ x + log(n) + (1 + z || g)", "negbinomial"),
        ("count | cens(censored) ~ x + (1 | g)", "poisson"),
        ("grade ~ x + (1 | g)", "cumulative"),
        ("one ~ x + (1 | g/h)", "bernoulli"),
        ("one ~ 0 + f + x + (1 | g:h)", "bernoulli"),
        ("one ~ x + h + (1 | h:g)", "bernoulli"),
    ],
)
def test_other_families_additions_and_nested_levels(formula, family, tmp_path, monkeypatch):
    monkeypatch.setattr(far_rows, "ROWS_AT_ONCE", 200)  # several passes
    data = rows()
    same(*(sl.Model(formula, own, family) for own in (data, in_files(data, tmp_path))))


@pytest.mark.parametrize(
    "formula, family, predictors",
    [
        ("z ~ x + (1 | g)", "gaussian", {"sigma": "~ scale(x) + f"}),
        ("z ~ x + (1 | g)", "gaussian", {"sigma": "~ 1 + (1 + x | g)"}),
        ("z ~ x", "student", {"sigma": "~ f:x + (1 | g)", "nu": 4}),
        ("of | trials(n) ~ x + (1 | g)", "beta_binomial", {"phi": "~ 0 + f + offset(w / 5)"}),
        ("count ~ x + (1 | g)", "zero_inflated_negbinomial", {"zi": "~ z + (1 | g/h)", "shape": "~ f"}),
    ],
)
def test_several_linear_predictors(formula, family, predictors, tmp_path):
    data = rows()
    same(*(sl.Model(formula, own, family, predictors=predictors) for own in (data, in_files(data, tmp_path))))


def test_ordered_categories_keep_their_order(tmp_path):
    polars = pytest.importorskip("polars", reason="the extra `polars` is not installed")
    names, data = ["low", "fair", "good", "best"], rows()
    grades = pd.Categorical.from_codes(data["grade"], names, ordered=True)
    there = in_polars(data.assign(grade=grades.astype(str)), tmp_path)
    there = there.with_columns(polars.col("grade").cast(polars.Enum(names)))
    same(*(sl.Model("grade ~ x + (1 | g)", d, "cumulative") for d in (data.assign(grade=grades), there)))


@pytest.mark.parametrize(
    "formula, family", [("z ~ x + f + (1 | g)", "student"), ("waiting ~ x + (1 | g)", "gamma")]
)
def test_responses_of_many_values_scale_priors_by_few_of_them(formula, family, tmp_path, monkeypatch):
    monkeypatch.setattr("shoal.reduction.stay.MOST_POINTS", 100)
    monkeypatch.setattr("shoal.reduction.stay.FEW_VALUES", 300)
    data = rows().assign(waiting=lambda d: np.exp(d["z"] / 2 + d["one"]))
    model, there = (sl.Model(formula, own, family) for own in (data, in_files(data, tmp_path)))
    assert there.design.n_rows < 400
    for name, prior in model.priors.items():
        np.testing.assert_allclose(there.priors[name].params, prior.params, 0.02, atol=0.02, err_msg=name)
    same(model, sl.Model(formula, in_polars(data, tmp_path), family, priors=model.priors), given=True)


@pytest.fixture(scope="module")
def client():
    with two_workers() as own_client:
        yield own_client


def draws(fit):
    return {str(name): array.values for name, array in fit.tree["posterior"].data_vars.items()}


@pytest.fixture(scope="module")
def fits(tmp_path_factory, client):
    """Of the same rows in memory, read here from files, and by workers from files and of a Dask frame."""
    data, folder = rows(), tmp_path_factory.mktemp("rows")
    path = in_files(data, folder)
    settings = {"draws": 250, "seed": 1}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reduce, "MOST_MERGED", 10)
        there, frame = sl.Model(PLAIN, path, "bernoulli"), sl.Model(PLAIN, in_dask(data, folder), "bernoulli")
    return {
        "memory": sl.Model(PLAIN, data, "bernoulli").fit(sampler="quadrature", **settings),
        "here": there.fit(**settings),
        "workers": there.fit(client=client, **settings),
        "Dask": frame.fit(client=client, **settings),
    }


def test_draws_are_the_same_wherever_rows_become_parts(fits):
    here, workers, frame = (draws(fits[name]) for name in ("here", "workers", "Dask"))
    for variable, values in here.items():
        np.testing.assert_array_equal(workers[variable], values, err_msg=variable)
        # Its priors are of sums that another engine made in another order.
        np.testing.assert_allclose(frame[variable], values, 1e-8, 1e-9, err_msg=variable)


def test_the_posterior_is_that_of_rows_in_memory(fits):
    known = draws(fits["memory"])
    for variable, values in draws(fits["here"]).items():
        mean, sd = (f(known[variable], axis=(0, 1)) for f in (np.mean, np.std))
        assert np.abs(z_scores(values, mean, sd)).max() < 5.5, variable  # both have errors
    assert fits["here"].tree["posterior"]["r_g"].sizes == fits["memory"].tree["posterior"]["r_g"].sizes


# A process that is killed leaves sockets that nobody closes.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
def test_what_a_lost_worker_had_made_is_made_of_the_source_again(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="Dask is an extra")
    from shoal.engine.rounds.dask_rows import DaskRows

    model = sl.Model(PLAIN, in_files(rows(), tmp_path), "bernoulli")
    plain, asked, rounds = model.fit(draws=100, seed=1), DaskRows.log_integrals, []
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        pids = client.run(os.getpid)

        def killing(holder, hs, rule):
            rounds.append(len(hs))
            if len(rounds) == 4:
                os.kill(min(pids.values()), signal.SIGKILL)
            return asked(holder, hs, rule)

        monkeypatch.setattr(DaskRows, "log_integrals", killing)
        fit = model.fit(draws=100, seed=1, client=client)
    for variable, values in draws(plain).items():
        np.testing.assert_array_equal(draws(fit)[variable], values, err_msg=variable)
    assert json.loads(fit.tree.attrs["sampler_facts"])["parts_made_again"] > 0


@pytest.mark.parametrize("engine, numbers", [(in_polars, False), (in_dask, False), (in_dask, True)])
def test_reading_in_any_number_of_passes_gives_the_same_parts(engine, numbers, tmp_path, monkeypatch):
    data = rows().assign(g=lambda d: pd.Categorical(d["g"].str[6:].astype(int) if numbers else d["g"]))
    model = sl.Model("one ~ 1 + (x | g)", engine(data, tmp_path), "bernoulli")
    far = model.specification.table.reduction.rows_there
    at_once = dict(far.read())
    monkeypatch.setattr(far_rows, "ROWS_AT_ONCE", 250)
    one_by_one = dict(far.read())
    assert list(one_by_one) == list(at_once) and sum(map(len, at_once.values())) == len(data)
    for k, part in at_once.items():
        names = list(part)
        left, right = (own.sort_values(names, ignore_index=True) for own in (part, one_by_one[k]))
        pd.testing.assert_frame_equal(left, right, check_categorical=False)


def test_missing_values_are_left_out_wherever_rows_are_read(tmp_path, client):
    data = rows()
    data.loc[::7, "x"] = np.nan
    path = in_files(data, tmp_path)
    with pytest.warns(ShoalWarning, match="dropped"):
        kept, there = (sl.Model(PLAIN, own, "bernoulli", missing="drop") for own in (data, path))
    same(kept, there)
    own = posterior_of(there.specification, client=client)
    with holder_of(own, 1) as holder:
        hs = own.target.values(own.target.start[None])
        value = holder.log_integrals(hs, RULE)
        assert sum(part.lines for part in holder.extents()) == len(data.dropna())
    with holder_of(posterior_of(there.specification), 1) as holder:
        np.testing.assert_array_equal(holder.log_integrals(hs, RULE), value)


@pytest.mark.parametrize(
    "formula, family, why",
    [
        ("one ~ x + (1 | g) + (1 | h)", "bernoulli", "factors that cross"),
        ("one ~ x", "bernoulli", "no grouping factor"),
        ("one ~ s(x) + (1 | g)", "bernoulli", r"s\(x"),
        ("z | weights(w) ~ x + (1 | g)", "student", "so many different responses"),
        ("grade ~ x + (1 | g)", "categorical", "family 'categorical'"),
        ("one ~ x + (1 | gr(g, dist='student'))", "bernoulli", "dist='student'"),
    ],
)
def test_rows_that_cannot_stay_are_refused_if_they_are_too_many(formula, family, why, tmp_path, monkeypatch):
    monkeypatch.setattr(reduce, "MOST_GROUPS", 500)
    monkeypatch.setattr("shoal.reduction.stay.MOST_POINTS", 500)
    with pytest.raises(ModelError, match=f"staying where they are: .*{why}") as problem:
        sl.Model(formula, in_polars(rows(), tmp_path), family)
    assert problem.value.code == "too-many-groups"


def test_rows_that_cannot_stay_are_merged_if_they_are_not_too_many(tmp_path):
    crossed = sl.Model("one ~ x + (1 | g) + (1 | h)", in_polars(rows(), tmp_path), "bernoulli")
    assert not crossed.specification.stays and crossed.design.n_rows == len(rows())


def test_workers_must_be_able_to_read_the_rows(client, tmp_path):
    model = sl.Model(PLAIN, in_polars(rows(), tmp_path), "bernoulli")
    with pytest.raises(ModelError) as problem:
        model.fit(draws=20, client=client)
    assert problem.value.code == "rows-out-of-reach"


def test_more_coordinates_than_rounds_can_sample_are_refused(tmp_path):
    formula = "one ~ x + I(x**2) + I(x**3) + z*f + w*f + n*f + (1 + x | g)"
    model = sl.Model(formula, in_polars(rows(), tmp_path), "bernoulli")
    with pytest.raises(ModelError, match="sample of the rows") as problem:
        model.fit()
    assert problem.value.code == "levels-not-independent"


@pytest.mark.parametrize("asked", [{"sampler": "nuts"}, {"coordinates": "centered"}])
def test_other_samplers_are_refused(asked, tmp_path):
    model = sl.Model(PLAIN, in_polars(rows(), tmp_path), "bernoulli")
    with pytest.raises(ModelError) as problem:
        model.fit(**asked)
    assert problem.value.code == "sampler-of-rows-elsewhere"


QUESTIONS = {
    "loo": lambda fit: fit.loo(),
    "loo of levels": lambda fit: fit.loo("g"),
    "compare": lambda fit: sl.compare({"a": fit, "b": fit}, unit="g"),
    "r2": lambda fit: fit.r2(),
    "effect": lambda fit: fit.effect("x"),
    "slope": lambda fit: fit.slope("x"),
    "predict": lambda fit: fit.predict(),
    "verify": lambda fit: fit.verify(),
    "posterior": lambda fit: fit.model.posterior(),
    "icc at": lambda fit: fit.icc(at={"x": [0, 1]}),
    "to_pymc": lambda fit: fit.model.to_pymc(),
    "prior_predictive": lambda fit: fit.model.prior_predictive(),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_that_need_the_rows_are_refused(name, fits):
    with pytest.raises(ModelError) as problem:
        QUESTIONS[name](fits["here"])
    assert problem.value.code == "rows-not-in-memory"


def test_what_is_told_by_averages_and_draws_is_that_of_rows_in_memory(fits):
    for ask in (
        lambda fit: fit.variance_partition()["share_mean"],
        lambda fit: fit.icc()["mean"],
        lambda fit: fit.effects()[["n", "mean"]],
        lambda fit: fit.predict_summary(rows(5))["mean"],
    ):
        np.testing.assert_allclose(ask(fits["here"]), ask(fits["memory"]), rtol=0.1, atol=0.15)
    assert fits["here"].effects()["no_pooling"].isna().all()
    assert fits["here"].sensitivity()["likelihood"].isna().all()


def test_a_saved_fit_has_all_but_the_rows(fits, tmp_path):
    loaded = sl.load(fits["here"].save(tmp_path / "fit.nc"))
    pd.testing.assert_frame_equal(loaded.summary(), fits["here"].summary())
    assert loaded.diagnose().ok == fits["here"].diagnose().ok
    loaded.report(tmp_path / "report.html")
    with pytest.raises(ModelError) as problem:
        loaded.model.fit(draws=20)
    assert problem.value.code == "rows-not-in-memory"


def test_nothing_is_found_in_rows_that_are_not_there(fits):
    """Which response stands in which level's rows is not known, though a table of both has to be made."""
    found = {finding.code: finding.evidence for finding in fits["here"].diagnose().findings}
    assert not {"edges", "separation"} & set(found)
    assert "at an edge" in found["rows-elsewhere"]
    assert "are at an edge" not in str(fits["memory"].diagnose())


def test_a_temporary_folder_without_room_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(reduce, "MOST_MERGED", 10)
    model = sl.Model(PLAIN, in_files(rows(), tmp_path), "bernoulli")

    def full(part, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("shoal.fit.holders.mapped", full)
    with refused("file-not-writable", match=r"shoal-rows-.*No space left"):
        model.fit(draws=20, progress=False)


def test_partitions_without_rows_are_no_part_of_any_level(client, tmp_path):
    whole = rows().assign(g=lambda d: pd.factorize(d["g"])[0])  # whole numbers, whose range is looked for
    frame = in_dask(whole, tmp_path)
    first = frame.partitions[0].compute()["x"]
    some = frame[~frame["x"].isin(first.tolist())]
    assert not len(some.partitions[0].compute())
    fit = sl.Model(PLAIN, some, "bernoulli").fit(client=client, draws=50, seed=1)
    assert fit.model.specification.table.reduction.rows == len(whole) - len(first)
