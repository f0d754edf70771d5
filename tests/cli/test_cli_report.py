"""`shoal report` and `shoal fit --report`: what is written, what is said, and the exit codes."""

import pytest

import shoal as sl

SCHOOLS = ("y | se(se) ~ 1 + (1 | school)", "eight_schools")
FAST = ("--draws", "400", "--warmup", "50", "--seed", "1")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Return the bytes of a saved fit."""
    fit = sl.Model(SCHOOLS[0], sl.load_dataset("eight_schools")).fit(draws=60, chains=2, seed=1, cores=1)
    return fit.save(tmp_path_factory.mktemp("fit") / "fit.nc").read_bytes()


@pytest.fixture
def brief(monkeypatch):
    """Make pages of nothing, where it is their files that matter."""
    monkeypatch.setattr("shoal.report.page.page", lambda results, prob: "<!DOCTYPE html>")


@pytest.fixture
def file(saved, tmp_path):
    (tmp_path / "fit.nc").write_bytes(saved)
    return tmp_path / "fit.nc"


def test_a_report_is_written_where_asked_with_the_interval_asked_for(shoal, file):
    code, out, err = shoal("report", "fit.nc", "-o", "out.html", "--prob", "0.5")
    assert (code, err) == (0, "")
    assert out.startswith("Written to out.html, ") and out.endswith(" MB.\n")
    page = file.with_name("out.html").read_text(encoding="utf-8")
    assert "y by school" in page and "equal-tailed 50% interval" in page


def test_its_name_is_that_of_the_fit_if_none_is_given(shoal, file, brief):
    assert shoal("report", "fit.nc")[0] == 0
    assert file.with_suffix(".html").exists()


def test_a_page_that_exists_is_overwritten_only_by_force(shoal, file, brief):
    page = file.with_name("out.html")
    page.write_text("mine")
    code, out, err = shoal("report", "fit.nc", "-o", "out.html")
    assert (code, out) == (1, "") and "out.html exists already" in err and "--force" in err
    assert page.read_text() == "mine"
    assert shoal("report", "fit.nc", "-o", "out.html", "--force")[0] == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.nc",), "There is no file none.nc"),
        (("fit.nc", "-o", "out.pdf"), "'out.pdf' ends in none of .html"),
        (("fit.nc", "-o", "absent/out.html"), "'absent'"),
        (("fit.nc", "--prob", "1"), "1.0 is not between 0 and 1"),
        ((), "Missing argument 'FILE'"),
    ],
)
def test_what_cannot_be_done_is_said(shoal, file, arguments, said):
    code, out, err = shoal("report", *arguments)
    assert (code, out) == (1, "") and said in err
    assert not list(file.parent.glob("*.html"))


def test_for_files_of_other_programs_doctor_is_named(shoal, file):
    tree = sl.load(file).tree
    tree.attrs["inference_library"] = "pymc"
    tree.to_netcdf(file.with_name("other.nc"), engine="h5netcdf")
    code, _, err = shoal("report", "other.nc")
    assert code == 1 and "written by pymc" in err and "`shoal doctor FILE`" in err


def test_a_damaged_file_is_no_fit(shoal, file):
    file.write_bytes(file.read_bytes()[:2000])
    code, _, err = shoal("report", "fit.nc")
    assert code == 1 and "cannot be read" in err
    assert not file.with_suffix(".html").exists()


def test_a_fit_writes_its_report_beside_its_draws(shoal, tmp_path):
    given = ("--interval", "0.5", "-o", "fit.nc", "--report", "fit.html")
    code, out, err = shoal("fit", *SCHOOLS, *FAST, *given)
    assert (code, err) == (0, "") and "Written to fit.nc" in out
    page = (tmp_path / "fit.html").read_text(encoding="utf-8")
    assert "equal-tailed 50% interval" in page
    assert (tmp_path / "fit.nc").exists()


def test_a_report_that_cannot_be_written_stops_a_fit_before_it_samples(shoal, tmp_path, monkeypatch):
    monkeypatch.setattr("shoal.fit.run.fit", None)
    (tmp_path / "there.html").write_text("mine")
    for name, said in (
        ("there.html", "exists already"),
        ("page.txt", "ends in none of"),
        ("no/p.html", "'no'"),
    ):
        code, out, err = shoal("fit", *SCHOOLS, *FAST, "--report", name)
        assert (code, out) == (1, "") and said in err
    code, _, err = shoal("fit", *SCHOOLS, *FAST, "-o", "one.html", "--report", "one.html")
    assert code == 1 and "it is the file of the draws" in err
