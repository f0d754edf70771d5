"""The command line: what it prints, where, and with which exit code."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import fields
from importlib.metadata import version

import pytest

import shoal as sl
from refusals import refused
from shoal.cli.prior_text import parse_prior, parse_priors
from shoal.cli.run import run
from shoal.cli.screen import fold, number
from shoal.errors import PriorError
from shoal.priors import KINDS, Exponential, Fixed, Gamma, Normal, Shrunk, StudentT

SCHOOLS = ("y | se(se) ~ 1 + (1 | school)", "eight_schools")
GIVEN = ("-p", "Intercept=Normal(0, 5)", "-p", "sd_school=HalfCauchy(5)")
FAST = ("--draws", "400", "--warmup", "50", "--seed", "1")


# What a shell starts in the background ignores Ctrl-C, and so do its children: these hear it all the same.
HEAR = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"


def process(*arguments, **options):
    """Start the command as a user would."""
    command = [sys.executable, "-c", HEAR + "from shoal.cli import main; main()", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """What is compiled is said on standard error, which is compared here: it is compiled before."""
    assert run(["fit", *SCHOOLS, *GIVEN, *FAST, "--quiet"]) == 0


# Results


def test_fit_shows_the_model_the_summary_and_the_verdict_and_writes_a_file(shoal, tmp_path):
    code, out, err = shoal("fit", *SCHOOLS, *GIVEN, *FAST, "--interval", "0.5", "--effects", "-o", "fit.nc")
    assert (code, err) == (0, "")
    assert out.startswith(SCHOOLS[0])
    for text in (
        "gaussian, identity link",
        "8 levels of school",
        "eti50",
        "50% equal-tailed",
        "seed 1",
        "Written to fit.nc",
        "The draws can be trusted",
    ):
        assert text in out
    assert re.search(r"^H +1 ", out, re.MULTILINE)
    fit = sl.load(tmp_path / "fit.nc")
    assert fit.model.priors["Intercept"] == Normal(0, 5)
    assert fit.tree["posterior"].sizes["draw"] == 400


def test_draws_that_cannot_be_trusted_end_with_2_even_if_quiet(shoal):
    few = ("--draws", "20", "--warmup", "50", "--seed", "1")
    code, out, err = shoal("fit", *SCHOOLS, *few)
    assert (code, err) == (2, "")
    assert "Do not trust these draws" in out and "[error] ess" in out
    code, out, err = shoal("fit", *SCHOOLS, *few, "--quiet")
    assert (code, out) == (2, "")
    assert err.startswith("error: ")


def test_check_prints_the_model_and_samples_nothing(shoal, monkeypatch):
    monkeypatch.setattr("shoal.fit.run.fit", None)
    code, out, err = shoal("check", "log_radon ~ 1 + floor + (1 | county)", "radon")
    assert (code, err) == (0, "")
    assert "Priors" in out and "Plan" in out and "85 levels" in out


def test_data_may_be_a_file_a_shipped_name_or_a_marked_shipped_name(shoal, tmp_path):
    sl.load_dataset("eight_schools").head(4).to_csv(tmp_path / "mine.csv", index=False)
    for data, rows in (
        ("mine.csv", 4),
        ("./mine.csv", 4),
        ("eight_schools", 8),
        ("dataset:eight_schools", 8),
    ):
        code, out, _ = shoal("check", SCHOOLS[0], data)
        assert code == 0 and f"  {rows} rows" in out
    (tmp_path / "eight_schools").mkdir()
    assert shoal("check", *SCHOOLS)[0] == 1  # what is there is meant, even if it cannot be read
    assert shoal("check", SCHOOLS[0], "dataset:eight_schools")[0] == 0


def test_datasets_lists_shows_and_writes(shoal):
    code, out, err = shoal("datasets")
    assert (code, err) == (0, "")
    assert "bangladesh" in out and "1,934" in out
    code, out, _ = shoal("datasets", "radon")
    assert code == 0 and "Gelman" in out and "log_uppm" in out
    code, out, _ = shoal("datasets", "trolley", "--csv")
    assert code == 0 and len(out.splitlines()) == 1 + 9930


def test_a_warning_is_one_line_on_standard_error(shoal, tmp_path):
    (tmp_path / "data.csv").write_text("g,y\n" + "1,0\n2,0\n3,0\n" * 4)
    code, out, err = shoal("check", "y ~ 1 + (1 | g)", "data.csv", "--family", "bernoulli")
    assert code == 0 and "12 rows" in out
    assert re.fullmatch(r"warning: All 12 responses .*\n", err)


# Exit codes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing command"),
        (("fitt",), "Did you mean 'fit'"),
        (("fit",), "Missing argument 'FORMULA'"),
        (("fit", "y ~ 1"), "Missing argument 'DATA'"),
        (("fit", *SCHOOLS, "third"), "third"),
        (("fit", *SCHOOLS, "--famly", "x"), "--family"),
        (("fit", *SCHOOLS, "--report", "x"), "--report"),
        (("fit", *SCHOOLS, "--draws"), "--draws"),
        (("fit", *SCHOOLS, "--draws", "many"), "--draws"),
        (("fit", *SCHOOLS, "--draws", "0"), "at least"),
        (("fit", *SCHOOLS, "--interval", "90"), "between 0 and 1"),
        (("fit", *SCHOOLS, "--interval", "nan"), "between 0 and 1"),
        (("fit", *SCHOOLS, "--family", "gausian"), "gaussian"),
        (("fit", *SCHOOLS, "--coordinates", "centred"), "centered"),
        (("fit", *SCHOOLS, "--sampler", "gibbs"), "nuts"),
        (("fit", *SCHOOLS, "--store", "all"), "single"),
        (("fit", *SCHOOLS, "--store", "none", "--effects"), "--effects"),
        (("fit", "y ~ 1", "eight_schools", "--effects"), "--effects"),
        (("fit", *SCHOOLS, "-p", "sd_school"), "NAME=PRIOR"),
        (("fit", *SCHOOLS, "-p", "sd_schol=Exponential(1)"), "sd_school"),
        (("fit", *SCHOOLS, "-p", "sd_school=Normal(0, 1)"), "HalfNormal"),
        (("fit", *SCHOOLS, "-p", "b=Normal()", "-p", "b=Normal()"), "Two priors"),
        (("fit", *SCHOOLS, "-o", "nowhere/fit.nc"), "nowhere"),
        (("fit", *SCHOOLS, "-o", "."), "not a file"),
        (("fit", "y | se(se) ~ 1 + (1 | schol)", "eight_schools"), "Did you mean 'school'"),
        (("fit", "y | se(se ~ 1", "eight_schools"), "^"),
        (("fit", SCHOOLS[0], "eight_school"), "Did you mean 'eight_schools'"),
        (("fit", SCHOOLS[0], "dataset:eight"), "eight_schools"),
        (("fit", SCHOOLS[0], "missing.csv"), "missing.csv"),
        (("fit", SCHOOLS[0], ""), "error"),
        (("check", SCHOOLS[0]), "Missing argument 'DATA'"),
        (("datasets", "raddon"), "Did you mean 'radon'"),
        (("datasets", "--csv"), "--csv"),
        (("sbc", *SCHOOLS, "--plot", "ranks.doc"), ".png"),
        (("sbc", *SCHOOLS, "--simulations", "0"), "simulations"),
        (("demo", "--only", "slope"), "Did you mean 'slopes'"),
    ],
)
def test_bad_input_and_wrong_usage_end_with_1_and_say_why(shoal, arguments, message):
    code, out, err = shoal(*arguments)
    assert (code, out) == (1, "")
    assert err.startswith("error: ") and message in err


def test_a_file_is_overwritten_only_by_force_and_never_the_data(shoal, tmp_path):
    (tmp_path / "fit.nc").write_text("precious")
    code, _, err = shoal("fit", *SCHOOLS, *FAST, "-o", "fit.nc")
    assert code == 1 and "--force" in err
    assert (tmp_path / "fit.nc").read_text() == "precious"
    assert shoal("fit", *SCHOOLS, *FAST, "-q", "-o", "fit.nc", "--force")[0] == 0
    sl.load(tmp_path / "fit.nc")
    sl.load_dataset("eight_schools").to_csv(tmp_path / "mine.csv")
    code, _, err = shoal("fit", SCHOOLS[0], "mine.csv", "-o", "mine.csv", "--force")
    assert code == 1 and "is the data" in err
    code, _, err = shoal("fit", *SCHOOLS, "-o", os.devnull, "--force")
    assert code == 1 and "not a file" in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fit.nc", "mine.csv"]


def test_what_nobody_foresaw_is_called_a_bug_and_shown_whole_on_request(shoal, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("a [strange]\nthing")

    monkeypatch.setattr("shoal.cli.inputs.find_data", fail)
    code, out, err = shoal("check", *SCHOOLS)
    assert (code, out) == (1, "")
    assert "a [strange] thing" in err and "bug of Shoal" in err and err.count("\n") == 1
    monkeypatch.setenv("SHOAL_DEBUG", "1")
    with pytest.raises(RuntimeError, match="strange"):
        run(["check", *SCHOOLS])


@pytest.mark.parametrize(("problem", "code"), [(KeyboardInterrupt(), 130), (PermissionError(13, "no"), 1)])
def test_interrupts_and_refusals_of_the_system_are_messages(shoal, monkeypatch, problem, code):
    def fail(*arguments):
        raise problem

    monkeypatch.setattr("shoal.cli.inputs.find_data", fail)
    assert shoal("check", *SCHOOLS)[0] == code


@pytest.mark.parametrize(
    "command", [(), ("fit",), ("check",), ("datasets",), ("sbc",), ("demo",), ("test",), ("r2",)]
)
def test_each_command_has_help_with_an_example(shoal, command):
    code, out, err = shoal(*command, "--help")
    assert (code, err) == (0, "")
    assert "Usage: shoal" in out
    assert ("Example: shoal " + " ".join(command) in out) == bool(command)


def test_version(shoal):
    assert shoal("--version") == (0, f"shoal {version('shoal')}\n", "")


@pytest.mark.parametrize("ok", [True, False])
def test_sbc_ends_with_2_if_ranks_are_not_uniform(shoal, monkeypatch, tmp_path, ok):
    import pandas as pd
    from matplotlib.figure import Figure

    class Calibration:
        verdict = "Calibrated." if ok else "Not calibrated."

        def summary(self):
            return pd.DataFrame({"mean_rank": [0.51]}, index=["Intercept"])

        def plot(self):
            return Figure()

    Calibration.ok = ok
    sbc = "shoal.criticism.calibration.sbc"
    monkeypatch.setattr(sbc, lambda model, simulations, **settings: Calibration())
    code, out, err = shoal("sbc", *SCHOOLS, "--plot", "ranks.svg")
    assert (code, err) == (0 if ok else 2, "")
    assert Calibration.verdict in out and "0.510" in out
    assert (tmp_path / "ranks.svg").exists()


# Processes


def test_help_and_lists_do_not_wait_for_heavy_modules():
    text = (
        "import sys; from shoal.cli.run import run; run(['datasets', 'radon']); run(['--help']);"
        "heavy = {'numba', 'pandas', 'xarray', 'matplotlib', 'scipy'};"
        "print(sorted(heavy.intersection(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


def test_a_pipe_gets_plain_unfolded_text():
    environment = {k: v for k, v in os.environ.items() if k != "COLUMNS"}
    out, err = process("datasets", "radon", env=environment).communicate()
    assert "\x1b" not in out and err == ""
    assert any(len(line) > 200 for line in out.splitlines())


def test_a_reader_that_went_away_costs_no_traceback():
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", "from shoal.cli import main; main()", "datasets"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.slow
def test_ctrl_c_ends_with_130_and_leaves_no_file(tmp_path):
    rows = "".join(f"{g},{(g * g) % 7 % 2}\n" for g in range(2000) for _ in range(2))
    (tmp_path / "data.csv").write_text("g,y\n" + rows)
    running = process(
        "fit",
        "y ~ 1 + (1 | g)",
        "data.csv",
        "-f",
        "bernoulli",
        "--draws",
        "50000",
        "-o",
        "fit.nc",
        cwd=tmp_path,
    )
    time.sleep(4)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, ""), err
    said = [
        line for line in err.splitlines() if not line.startswith("shoal: ")
    ]  # what it compiles, and keeps
    assert said == ["stopped: by Ctrl-C."]
    assert [p.name for p in tmp_path.iterdir()] == ["data.csv"]


def test_ctrl_c_is_not_lost_in_a_callback_that_ignores_exceptions():
    text = f"""{HEAR}
import os, signal, sys, time
import shoal.cli.run
from shoal.cli import main

class Callback:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)

def lose(*arguments):
    Callback()
    time.sleep(20)

shoal.cli.run._invoke = lose
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=15, check=False
    )
    assert (done.returncode, done.stderr) == (130, "stopped: by Ctrl-C.\n")


# Priors as text


@pytest.mark.parametrize(
    ("text", "name", "prior"),
    [
        ("sd_district=Exponential(1)", "sd_district", Exponential(1)),
        ("b=Normal(0, 2.5)", "b", Normal(0, 2.5)),
        ("  b  =  Normal ( -1e-1 ,+2 ) ", "b", Normal(-0.1, 2)),
        ("Intercept=Normal(sigma=3)", "Intercept", Normal(0, 3)),
        ("x=Normal()", "x", Normal()),
        ("x=StudentT(3, sigma = 2)", "x", StudentT(3, 0, 2)),
        ("sigma=Gamma(mu=2, sigma=1)", "sigma", Gamma(mu=2, sigma=1)),
        ("sigma=Gamma(4, 2)", "sigma", Gamma(4, 2)),
        ("sd_g[Intercept]=Fixed(.5)", "sd_g[Intercept]", Fixed(0.5)),
        ("I(x == 1)=Normal(0, 1)", "I(x == 1)", Normal(0, 1)),
        ("C(a, base=2)[b]=Normal(0, 1)", "C(a, base=2)[b]", Normal(0, 1)),
        ("Größe=Normal(0, 1)", "Größe", Normal(0, 1)),
    ],
)
def test_priors_that_can_be_read(text, name, prior):
    assert parse_prior(text) == (name, prior)


@pytest.mark.parametrize("kind", [k for k in KINDS.values() if k is not Shrunk])  # which nobody writes
def test_every_prior_that_prints_can_be_read_again(kind):
    prior = kind(*[0.5] * len(fields(kind)))
    assert parse_prior(f"x={prior}") == ("x", prior)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "NAME=PRIOR"),
        ("b", "NAME=PRIOR"),
        ("=Normal(0, 1)", "NAME=PRIOR"),
        ("b=Normal", "NAME=PRIOR"),
        ("b=Normal(0, 1", "NAME=PRIOR"),
        ("b=Normal(0, 1))", "NAME=PRIOR"),
        ("b=Normal[0, 1]", "NAME=PRIOR"),
        ("b=2", "NAME=PRIOR"),
        ("b=norml(0, 1)", "'norml'"),
        ("b=Norml(0, 1)", "Did you mean 'Normal'"),
        ("b=Normal(0, one)", "'one' is not a number"),
        ("b=Normal(0,)", "not a number"),
        ("b=Normal(0, , 1)", "not a number"),
        ("b=Normal(0 1)", "not a number"),
        ("b=Normal(0, sigma=)", "not a number"),
        ("b=Normal(0, 1, 2)", "Normal takes mu, sigma"),
        ("b=Normal(0, mu=1)", "Normal takes mu, sigma"),
        ("b=Normal(0, sigm=1)", "Did you mean 'sigma'"),
        ("b=Normal(sigma=1, 0)", "come last"),
        ("b=Normal(mu=1, mu=2)", "twice"),
        ("b=Exponential()", "Exponential takes rate"),
        ("b=Gamma(2)", "shape, rate"),
        ("b=Gamma(mu=2, alpha=1)", "mean, standard deviation"),
        ("b=Gamma(mu=2, sigma=0)", "greater than zero"),
        ("b=Normal(0, -1)", "greater than zero"),
        ("b=Normal(nan, 1)", "finite"),
        ("b=Normal(0, inf)", "finite"),
        ("b=Normal(0, 1e999)", "finite"),
        # Attacks: nothing is ever evaluated, looked up outside the table of priors, or slow.
        ("b=__import__('os').system('touch pwned')", "NAME=PRIOR"),
        ("b=Normal(0, __import__('os').getpid())", "NAME=PRIOR"),
        ("b=Normal(0, 1) or exit()", "NAME=PRIOR"),
        ("b=Normal(0, 1);import os", "NAME=PRIOR"),
        ("b=eval(1)", "'eval'"),
        ("b=Prior(1)", "'Prior'"),
        ("b=PartialCorrelation(1)", "'PartialCorrelation'"),
        ("b=Normal(__class__=1)", "not a number"),
        ("b=Normal(self=1)", "Normal takes mu, sigma"),
        ("b=Normal(*a)", "not a number"),
        ("b=Normal(0, 9**9**9)", "not a number"),
        ("b=Normal(0, " + "9" * 100_000 + ")", "finite"),
        ("b" + "=" * 20_000, "NAME=PRIOR"),
        ("b=Normal(" * 3000, "NAME=PRIOR"),
    ],
)
def test_priors_that_cannot_be_read_say_why(text, message):
    with pytest.raises(PriorError) as caught:
        parse_prior(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_name_has_one_prior():
    assert parse_priors(["b=Normal()", "sd=Exponential(1)"]) == {"b": Normal(), "sd": Exponential(1)}
    with refused("prior-twice", match="Two priors for 'b'"):
        parse_priors(["b=Normal()", "b=Normal(0, 2)"])


# Cells and lines


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (0.00012, "0.00012"),
        (-0.5, "-0.500"),
        (12.345, "12.35"),
        (123.45, "123.5"),
        (12345.6, "12,346"),
        (1e12, "1e+12"),
        (float("nan"), "–"),
        (1934, "1,934"),
        ("a", "a"),
        (True, "True"),
    ],
)
def test_cells(value, text):
    assert number(value) == text


def test_folding_keeps_words_and_indentation():
    assert fold("  - one two three four", 20, 2) == "  - one two three\n    four"
    assert fold("", 20) == ""


def test_rows_with_missing_values_are_dropped_where_that_is_asked_for(shoal, tmp_path):
    lines = ["time,censored,x", *(f"{1 + i},{i % 3 == 0},{i % 7}" for i in range(20)), "9,False,"]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    ask = ("check", "time | cens(censored) ~ x", "t.csv", "--family", "weibull")
    code, _, err = shoal(*ask)
    assert code == 1 and "missing" in err
    code, out, err = shoal(*ask, "--missing", "drop")
    assert code == 0 and "1 of 21 rows dropped" in out + err
    assert "7 known to lie above a value" in out


def test_predictors_of_parameters_are_options(shoal):
    code, out, _ = shoal("check", "log_radon ~ floor", "radon", "--predictor", "sigma ~ floor + (1 | county)")
    assert code == 0 and "log(sigma[i]) = sigma_Intercept" in out
    for bad in (["~ floor"], ["tau ~ floor"], ["sigma ~ floor", "sigma ~ 1"], ["sigma ~ absent"]):
        options = [part for text in bad for part in ("--predictor", text)]
        code, _, err = shoal("check", "log_radon ~ floor", "radon", *options)
        assert code == 1 and err
