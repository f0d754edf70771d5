"""Sums in use: printed, reported, saved; patterns of Parquet files, for models and on the command line."""

import numpy as np
import pytest

import shoal as sl
from reduction.tables import FORMULA, in_polars, rows
from refusals import refused
from shoal.cli.run import run


@pytest.fixture(scope="module")
def fits(tmp_path_factory):
    folder, data = tmp_path_factory.mktemp("rows"), rows()
    return [sl.Model(FORMULA, d).fit(200, 2, seed=1) for d in (data, in_polars(data, folder))]


@pytest.mark.filterwarnings("ignore:Pareto k:shoal.errors.ShoalWarning")  # of both fits alike
def test_what_sums_tell_is_answered_as_by_the_rows(fits):
    for ask in (
        lambda fit: fit.r2().table,
        lambda fit: fit.icc().select_dtypes("number"),
        lambda fit: fit.variance_partition().select_dtypes("number"),
        lambda fit: fit.effects("g").select_dtypes("number"),
        lambda fit: fit.ranks("h").select_dtypes("number"),
        lambda fit: fit.predict_summary(rows(5)),
        lambda fit: fit.loo("g").pointwise.select_dtypes("number"),
    ):
        one, other = (ask(fit).astype(float) for fit in fits)
        np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)


def test_points_are_never_taken_for_rows(fits):
    fit = fits[1]
    for ask in (
        fit.loo,
        lambda: fit.loo("observation"),
        fit.predict,
        lambda: fit.effect("z"),
        lambda: fit.slope("z"),
        lambda: fit.contrast({"f": ["a", "b"]}),
        fit.plot.ppc,
        fit.plot.data,
        fit.model.plot.sd_prior_implied,
    ):
        with refused("rows-not-in-memory"):
            ask()
    assert "rows-elsewhere" in {finding.code for finding in fit.diagnose()}


def test_a_file_keeps_the_sums(fits, tmp_path):
    fit = sl.load(fits[1].save(tmp_path / "fit.nc"))
    assert str(fit.model) == str(fits[1].model)
    assert fit.model.priors == fits[1].model.priors
    np.testing.assert_array_equal(fit.model.design.x, fits[1].model.design.x)
    assert fit.predict_summary(rows(5)).equals(fits[1].predict_summary(rows(5)))


@pytest.mark.slow
def test_what_was_read_is_printed_and_reported(fits, tmp_path):
    model = str(fits[1].model)
    assert "2,000 rows in polars, read there in " in model and "sums of squares and products" in model
    assert "2,000 rows in polars" in fits[1].report(tmp_path / "fit.html").read_text("utf-8")


@pytest.fixture
def pattern(tmp_path):
    pytest.importorskip("duckdb", reason="the extra `duckdb` is not installed")
    for part in range(3):
        rows().iloc[part::3].to_parquet(tmp_path / f"part-{part}.parquet")
    return str(tmp_path / "*.parquet")


def test_a_pattern_of_parquet_files_is_a_table(pattern, tmp_path):
    found = [sl.Model("y ~ z + (1 | g)", data) for data in (pattern, tmp_path)]
    model = sl.Model("y ~ z + (1 | g)", rows())
    for lazy in found:
        assert "2,000 rows in DuckDB" in str(lazy)
        for name, prior in model.priors.items():
            np.testing.assert_allclose(lazy.priors[name].params, prior.params, 1e-9, atol=1e-9)
    with refused("no-data-file"):
        sl.Model("y ~ z", str(tmp_path / "none-*.parquet"))


def test_the_command_fits_a_pattern(pattern, tmp_path, capsys):
    path = tmp_path / "fit.nc"
    asked = ["fit", "y ~ z + (1 | g)", pattern, "--draws", "200", "--seed", "1", "-o", str(path)]
    assert run(asked) == 0
    assert "2,000 rows" in capsys.readouterr().out
    assert sl.load(path).model.design.observations == 2_000


def test_more_groups_than_memory_should_take_are_refused_with_their_number(tmp_path, monkeypatch):
    monkeypatch.setattr("shoal.reduction.reduce.MOST_GROUPS", 100)
    with refused("too-many-groups", match="1,[0-9]{3} groups by y, x, g"):
        data = rows().assign(y=lambda d: (d["y"] > 1e6).astype(int))
        sl.Model("y ~ x + (1 | g)", in_polars(data.head(1_500), tmp_path), "bernoulli")
