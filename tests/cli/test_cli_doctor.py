"""The command `shoal doctor`: what it prints, where, and with which exit code."""

from pathlib import Path

import pytest

import shoal as sl
from shoal.cli.run import run

FILES = Path(__file__).parents[1] / "criticism" / "diagnosis" / "files"


@pytest.fixture
def doctor(capsys, monkeypatch):
    """Run the command: exit code, standard output, standard error."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def invoke(*arguments):
        code = run(["doctor", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return code, out, err

    return invoke


def test_another_programs_untrustworthy_draws_end_with_2(doctor):
    code, out, err = doctor(FILES / "centered_schools.nc")
    assert (code, err) == (2, "")
    lines = out.splitlines()
    assert lines[0].startswith("Do not trust these draws.")
    assert lines[1].startswith("[error] funnel: Divergences sit where tau is small")
    assert "Draws of PyMC 5.28.5." in lines and any(line.startswith("Not examined: priors") for line in lines)


def test_sound_draws_end_with_0_and_no_finding(doctor):
    code, out, err = doctor(FILES / "sound.nc")
    assert (code, err) == (0, "")
    assert out.startswith("The draws can be trusted.") and "[" not in out


def test_quiet_shows_only_what_is_wrong(doctor):
    assert doctor(FILES / "sound.nc", "--quiet") == (0, "", "")
    code, out, err = doctor("-q", FILES / "wrong_axis.nc")
    assert (code, out) == (2, "") and err.startswith("error: zero-sum-axis: epsilon_beta_g")


def test_a_file_of_shoal_is_judged_as_its_fit(doctor, tmp_path):
    fit = sl.Model("y | se(se) ~ 1 + (1 | school)", sl.load_dataset("eight_schools")).fit(seed=1, cores=1)
    path = fit.save(tmp_path / "fit.nc")
    code, out, _ = doctor(path)
    assert code == 0 and out.split() == str(fit.diagnose()).split()


@pytest.mark.parametrize("name", ["cut.nc", "text.nc", "missing.nc"])
def test_a_bad_file_ends_with_1(doctor, tmp_path, name):
    (tmp_path / "cut.nc").write_bytes((FILES / "sound.nc").read_bytes()[:50_000])
    (tmp_path / "text.nc").write_text("school,y\nA,28\n")
    code, out, err = doctor(tmp_path / name)
    assert (code, out) == (1, "") and err.startswith("error: ") and name in err
