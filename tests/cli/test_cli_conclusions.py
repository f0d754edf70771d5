"""The commands `shoal test` and `shoal r2`: what they print, where, and with which exit code."""

import re

import pytest

import shoal as sl


@pytest.fixture(scope="module")
def fit():
    return sl.Model("log_radon ~ floor + (1 | county)", sl.load_dataset("radon")).fit(seed=1, cores=1)


@pytest.fixture(scope="module")
def saved(fit, tmp_path_factory):
    return fit.save(tmp_path_factory.mktemp("fits") / "fit.nc")


@pytest.fixture(autouse=True)
def unfolded(shoal, monkeypatch):
    monkeypatch.delenv("COLUMNS")


def test_hypotheses_are_tested_as_in_python(shoal, fit, saved):
    asked = ["floor < -0.6", "floor = -0.7", "r_county[1, Intercept] > 0"]
    code, out, err = shoal("test", saved, *asked, "--rope", "-0.1", "0.1", "--prob", "0.5")
    table = fit.test(asked, rope=(-0.1, 0.1), prob=0.5).table
    assert (code, err) == (0, "")
    for text, row in table.iterrows():
        line = next(line for line in out.splitlines() if line.startswith(text))
        assert re.split(r"\s+", line.removeprefix(text).strip())[0] == f"{row['mean']:.3f}"
    assert "Savage-Dickey" in out and "within -0.1 and 0.1" in out and "eti50" in out


@pytest.mark.parametrize(
    "arguments", [("flor > 0",), ("floor",), ("sigma = 0",), ("floor > 0", "--prob", "2")]
)
def test_what_is_no_hypothesis_ends_with_1(shoal, saved, arguments):
    code, out, err = shoal("test", saved, *arguments)
    assert (code, out) == (1, "") and err.startswith("error: ")


def test_a_file_that_is_none_ends_with_1(shoal, tmp_path):
    for command in (("test", tmp_path / "no.nc", "x > 0"), ("r2", tmp_path)):
        code, out, err = shoal(*command)
        assert (code, out) == (1, "") and err.startswith("error: ")


def test_a_hypothesis_with_a_sign_in_front_follows_two_dashes(shoal, saved):
    code, out, _ = shoal("test", saved, "--", "-floor > 0.5")
    assert code == 0 and "-floor > 0.5" in out


def test_r2_is_printed_as_in_python(shoal, fit, saved):
    code, out, err = shoal("r2", saved)
    assert (code, err) == (0, "")
    for part, row in fit.r2().table.iterrows():
        assert f"{part}" in out and f"{row['mean']:.3f}" in out
    assert "loo" not in out and "Population: the 919 rows" in out


@pytest.mark.slow
def test_r2_of_rows_left_out(shoal, fit, saved):
    code, out, _ = shoal("r2", saved, "--loo")
    assert code == 0 and f"{fit.r2(loo=True).table.loc['loo', 'mean']:.3f}" in out


def test_scores_that_cannot_be_relied_on_end_with_2(shoal, tmp_path):
    data = sl.load_dataset("reedfrogs").assign(tank=range(48))
    fit = sl.Model("surv | trials(density) ~ 1 + (1 | tank)", data, family="binomial").fit(seed=1, cores=1)
    code, out, err = shoal("r2", fit.save(tmp_path / "fit.nc"), "--loo")
    assert code == 2 and "Loo is unreliable" in out and err.startswith("warning: Loo")


def test_draws_that_cannot_be_trusted_end_with_2(shoal, tmp_path):
    fit = sl.Model("log_radon ~ floor", sl.load_dataset("radon")).fit(10, 2, 1, cores=1)
    assert not fit.diagnose().trustworthy
    for command in (("test", "floor < 0"), ("r2",)):
        path = fit.save(tmp_path / "fit.nc")
        code, out, _ = shoal(command[0], path, *command[1:])
        assert code == 2 and "Do not trust these draws" in out
