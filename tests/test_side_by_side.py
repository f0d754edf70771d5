"""What `benchmarks/run` measures: its cases, Shoal's side of them, what is kept, and the page made of it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "benchmarks"
# Only while these are imported: benchmarks have files of the names of folders of tests.
sys.path.append(str(BENCHMARKS))
import side_by_side  # noqa: E402
from _process import ended  # noqa: E402
from peers import in_r, in_shoal, kept, process  # noqa: E402
from peers.cases import CASES  # noqa: E402
from peers.formulas import Group, read  # noqa: E402
from peers.measure import disagreement  # noqa: E402
from peers.tables import FEW, as_csv, few, write  # noqa: E402

sys.path.remove(str(BENCHMARKS))

ENVIRONMENT = Path(os.environ.get("SHOAL_PEERS", BENCHMARKS / ".peers")) / "venv" / "bin" / "python"


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Return what makes a small table of a case, once."""
    folder, made = tmp_path_factory.mktemp("tables"), {}

    def table(name):
        if name not in made:
            (folder / name).mkdir()
            path = write(CASES[name], 1, folder / name / "rows.parquet", parts=1)
            made[name] = few(CASES[name], path)
        return made[name]

    return table


def test_a_formula_is_read_and_written_in_other_programs_words():
    parts = read("k | trials(n) ~ 1 + x + (1 | g) + (0 + x || h)")
    assert (parts.response, parts.trials, parts.columns) == ("k", "n", ("1", "x"))
    assert parts.groups == (Group("g", ("1",), False, False), Group("h", ("x",), False, False))
    assert parts.data == ["k", "n", "x", "g", "h"]
    assert parts.in_bambi() == "p(k, n) ~ 1 + x + (1 | g) + (0 + x | h)"
    assert parts.in_r() == "cbind(k, n - k) ~ 1 + x + (1 | g) + (0 + x | h)"
    summed = read("y | se(s) ~ 0 + a + b + (0 + a + b || gr(g, zero_sum=True))")
    assert summed.groups == (Group("g", ("a", "b"), False, True),)
    assert (summed.se, summed.columns) == ("s", ("a", "b"))
    assert read("y ~ 1 + x + (1 + x | g)").in_r() == "y ~ 1 + x + (1 + x | g)"
    assert read("y ~ 1 + x + (1 + x || g)").in_r() == "y ~ 1 + x + (1 + x || g)"


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.size <= 10_000])
def test_every_case_is_a_model_whose_priors_are_all_given(name, tables):
    case = CASES[name]
    model = in_shoal.model(case, str(tables(name)))
    specification = model.specification
    assert not [name for name, p in specification.priors.items() if p.default or p.centered or p.joint]
    kinds = {type(resolved.prior).__name__ for resolved in specification.priors.values()}
    assert kinds == {case.priors[key][0] for key in case.parameters.values()}
    assert [group.r for group in specification.groups] == case.effects
    # What is centred has a density that the other programs write.
    assert not [g for g in case.parts.groups if g.factor in case.centered and g.correlated]


@pytest.mark.parametrize("name", ["schools", "one_way-1-50-zero_sum", "bangladesh", "reedfrogs", "trolley"])
def test_all_quantities_of_a_case_are_found_in_shoals_fit(name, tables):
    case, path = CASES[name], tables(name)
    table = pd.read_parquet(path)
    fit = in_shoal.fit(case, str(path), draws=50, seed=1)
    found = in_shoal.quantities(case, table, fit)
    assert list(found) == [*case.parameters, *case.effects]
    assert {draws.shape[:2] for draws in found.values()} == {(4, 50)}
    for group in case.parts.groups:
        count = table[group.factor].nunique()
        assert found[f"r_{group.factor}"].shape[2:] == (count, len(group.effects))
        assert found[f"sd_{group.factor}"].shape[2:] == (len(group.effects),)
    if "cor_district" in found:
        np.testing.assert_array_equal(
            found["cor_district"][..., 0], fit.tree["posterior"]["cor_district"].values[..., 1, 0]
        )
    if case.parts.slopes:
        np.testing.assert_array_equal(
            found["b"][..., -1], fit.tree["posterior"][case.parts.slopes[-1]].values
        )


def test_tables_are_written_part_by_part(tmp_path, monkeypatch):
    monkeypatch.setattr("peers.growth.PART", 3000)
    case = CASES["rows-10000"]
    path = write(case, 1, tmp_path / "rows.parquet")
    table = pd.read_parquet(path)
    assert len(table) == 10_000 and table["g"].nunique() == 1000
    pd.testing.assert_frame_equal(table, pd.concat(case.make(1), ignore_index=True)[case.parts.data])
    assert len(pd.read_csv(as_csv(path))) == 10_000
    assert pd.read_parquet(few(case, path))["g"].nunique() == FEW


def test_posteriors_that_differ_are_told_from_those_that_do_not(tmp_path):
    def file(name, shift, size=50):
        rng = np.random.default_rng(len(name))
        means = np.stack([0.1 * rng.normal(size=size) + shift, np.full(size, 0.1)])
        np.savez(tmp_path / f"{name}.npz", r=means)
        return tmp_path / f"{name}.npz"

    one = file("one", 0.0)
    z, bound = disagreement(one, file("other", 0.0))
    assert 0 < z < bound
    assert bound == pytest.approx(4.2649, abs=1e-4)  # -qnorm(1e-3 / 100)
    z, bound = disagreement(one, file("shifted", 0.6))
    assert z > bound
    assert disagreement(one, one)[0] == 0
    assert disagreement(one, file("no number", np.nan))[0] == np.inf
    with pytest.raises(ValueError, match="other quantities"):
        disagreement(one, file("longer", 0.0, size=51))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Keep lines in a folder of this test."""
    monkeypatch.setattr(kept, "KEPT", tmp_path / "side_by_side.csv")
    monkeypatch.setattr(process, "FOLDER", tmp_path)
    monkeypatch.setattr(side_by_side, "FOLDER", tmp_path)
    return tmp_path


def run(case, peer, table=Path("rows.parquet"), limit=1):
    return process.Run(case, peer, table, draws=1000, seed=1, limit=limit)


def test_a_line_is_kept_in_the_place_of_the_one_before_and_the_next_call_goes_on(folder):
    lines = [
        kept.described(run("schools", peer), "warm", "ok", "", seconds=seconds)
        for peer, seconds in (("shoal", 2.0), ("nutpie", 9.0), ("shoal", 1.23456))
    ]
    for line in lines:
        kept.keep({**line, "date": "2026-11-28"})
    found = kept.read()
    assert list(found["peer"]) == ["nutpie", "shoal"]
    assert list(found["seconds"]) == ["9", "1.235"]
    waiting = kept.pending("schools", ["shoal", "nutpie", "bambi"], found, "")
    assert waiting == ["bambi"]
    waiting = kept.pending("schools", ["shoal", "nutpie", "bambi"], found, "2026-11-29")
    assert waiting == ["shoal", "nutpie", "bambi"]


def test_what_a_program_cannot_do_and_what_was_too_large_is_said(folder, monkeypatch):
    (line,) = side_by_side.lines(run("bangladesh", "bambi"), kept.read())
    assert (line["status"], line["why"]) == ("lacking", "correlated effects")
    monkeypatch.setattr(in_r, "missing", lambda package: "R has no package glmmTMB")
    (line,) = side_by_side.lines(run("small", "glmmTMB"), kept.read())
    assert (line["status"], line["why"]) == ("missing", "R has no package glmmTMB")
    known = kept.keep(kept.described(run("levels-1000", "nutpie"), "warm", "limit", "900 s", seconds=900.0))
    (line,) = side_by_side.lines(run("levels-10000", "nutpie"), known)
    assert (line["status"], line["why"]) == ("limit", "not tried: 900 s in levels-1000")
    (next_one,) = side_by_side.lines(run("levels-100000", "nutpie"), kept.keep(line))
    assert next_one["why"] == line["why"]
    assert side_by_side.beyond(run("levels-10000", "numpyro"), known) == ""


def test_a_process_is_stopped_at_its_limit_and_a_failure_is_kept_with_its_reason():
    of = ended([sys.executable, "-c", "import time; time.sleep(60)"], limit=1)
    assert of.status == -signal.SIGALRM and of.seconds < 30
    line = side_by_side.finished(run("schools", "nutpie"), "cold", of)
    assert (line["status"], line["why"]) == ("limit", "1 s")
    of = ended([sys.executable, "-c", "raise MemoryError('too many levels')"])
    line = side_by_side.finished(run("schools", "nutpie"), "cold", of)
    assert (line["status"], line["why"]) == ("failed", "MemoryError: too many levels")


def test_who_stops_the_command_stops_what_it_measures(tmp_path):
    noted = tmp_path / "pid"
    sleep = f"import os, time; open({str(noted)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    waits = [f"import sys; sys.path.append({str(BENCHMARKS)!r})", "from _process import ended"]
    waits += ["from side_by_side import stop_with_this", "stop_with_this()"]
    waits += [f"ended([sys.executable, '-c', {sleep!r}])"]
    process = subprocess.Popen([sys.executable, "-c", "\n".join(waits)])
    while not noted.exists() or not noted.read_text():
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    assert process.wait(30) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int(noted.read_text()), 0)


def test_whole_processes_are_measured_of_shoal(folder, tables):
    (folder / "means").mkdir()
    this = run("three_districts", "shoal", tables("three_districts"))._replace(draws=100)
    of = ended(this.command(), limit=300)
    line = side_by_side.finished(this, "warm", of)
    assert line["status"] == "ok", of.errors
    assert (line["quantities"], line["z"], line["divergences"]) == (5, 0, 0)
    assert line["ess_bulk"] > 100 and line["ess_tail"] > 100
    assert 0 < line["processor"] and 0 < line["seconds"] < of.seconds and line["peak_mb"] > 50
    assert line["versions"].startswith("shoal ")


@pytest.mark.slow
@pytest.mark.skipif(not ENVIRONMENT.exists(), reason="benchmarks/run has not made its environment yet")
@pytest.mark.parametrize("name", ["three_districts", "bangladesh", "one_way-10-5-zero_sum"])
def test_all_programs_find_the_same_posterior(name):
    # Its exit code is 1 where a program fails, or its means differ from Shoal's by more than they may.
    command = [str(ENVIRONMENT), str(BENCHMARKS / "side_by_side.py"), "--smoke", "--only", name]
    of = ended(command, {"SHOAL_PEERS": str(ENVIRONMENT.parents[2])}, limit=900)
    assert of.status == 0, of.output + of.errors


def test_cases_are_chosen_by_name_or_by_how_they_begin():
    names = ["rows-10000", "rows-100000", "binary", "binary_rows-10000"]
    assert side_by_side.chosen("", names) == names
    assert side_by_side.chosen("rows-10000,binary", names) == ["rows-10000", "binary"]
    assert side_by_side.chosen("rows", names) == ["rows-10000", "rows-100000"]
    assert side_by_side.chosen("none", names) == []


def test_the_command_names_its_cases_and_refuses_what_it_does_not_know():
    def call(*words):
        command = [sys.executable, str(BENCHMARKS / "side_by_side.py"), *words]
        return subprocess.run(command, capture_output=True, text=True)

    listed = call("--list")
    assert "eight schools" in listed.stdout and "rows-1000000 " in listed.stdout
    assert "rows-100000000 " in call("--list", "--largest", "1e8").stdout
    assert call("--only", "no such case").returncode == 2
    assert call("--peers", "shoal,stan").returncode == 2


# The page


@pytest.fixture
def writer(tmp_path, monkeypatch):
    """Return the module that writes the page, into a folder of this test."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    import write_side_by_side

    monkeypatch.setattr(write_side_by_side, "DOCS", tmp_path)
    return write_side_by_side


def measured(case, peer, seconds, state="warm", status="ok", **other):
    line = dict.fromkeys(kept.COLUMNS, "")
    numbers = (
        {} if status in ("limit", "failed", "lacking", "missing") else {"processor": seconds, "peak_mb": 500}
    )
    if status == "ok":
        numbers |= {"ess_bulk": 1000, "ess_tail": 2000, "r_hat": 1.001, "divergences": 0, "quantities": 9}
        numbers |= {"z": 0 if peer == "shoal" else 2.0, "z_bound": 4.0}
    named = {"case": case, "peer": peer, "state": state, "status": status, "seconds": seconds}
    with_what = {"versions": f"{peer} 1.0", "machine": "2 cores, 8 GB", "date": "2026-11-28"}
    return line | named | numbers | with_what | other


def test_the_page_says_what_was_measured_and_where_another_program_wins(tmp_path, writer):
    lines = [
        measured("schools", "shoal", 30.0, state="cold"),
        measured("schools", "shoal", 2.0),
        measured("schools", "nutpie", 8.0),
        measured("schools", "nutpie", 12.0, state="cold"),
        measured("schools", "numpyro", 31.0, state="cold"),
        measured("schools", "numpyro", 1.0, z=9.0),  # another posterior: faster, and no comparison
        measured("radon", "shoal", 2.0),
        measured("radon", "nutpie", 1.6),
        measured("radon", "numpyro", 1.0, z="", z_bound=""),
        measured("radon", "bambi", "", status="lacking", why="correlated effects"),
        measured("radon", "lme4", 0.9, status="estimate"),
        measured("levels-10", "shoal", 2.0),
        measured("levels-10", "nutpie", 12.0),
        measured("levels-100", "shoal", 2.5),
        measured("levels-100", "nutpie", 900.0, status="limit", why="900 s"),
        measured("small", "glmmTMB", "", status="missing", why="R has no package glmmTMB"),
    ]
    pd.DataFrame(lines).to_csv(tmp_path / "side_by_side.csv", index=False)
    writer.main()
    text = (tmp_path / "side_by_side.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if "|" in line
    ]
    assert ["eight schools", "Shoal", "30", "2", "2", "1,000", "2,000", "**500**", *rows_end("0", "")] in rows
    (sooner,) = (line for line in text.splitlines() if "never ran either" in line)
    assert "PyMC, nutpie is sooner in 1 of 1 cases: 12 to 12 s, Shoal 30 to 30 s" in sooner
    assert ["", "PyMC, nutpie", "12", "8", "8", "1,000", "2,000", "125", *rows_end("0", "2.0 (4.0)")] in rows
    assert ["", "NumPyro", "31", "1", "1", "1,000", "2,000", "(1,000)", *rows_end("0", "9.0 (4.0)")] in rows
    assert ["", "NumPyro", "", "1", "1", "1,000", "2,000", "(1,000)", *rows_end("0", "not compared")] in rows
    assert ["10", "2 s, 500", "12 s, 83"] in rows and ["100", "2.5 s, 400", "more than 900 s"] in rows
    wins = text[text.index("## Where another") : text.index("What a program cannot do")]
    assert wins.count("* ") == 2 and "radon" in wins
    assert "PyMC, nutpie has 625 effective draws a second, Shoal 500" in wins
    assert "lme4's estimate takes 0.9 s, Shoal 2 s" in wins
    assert "glmmTMB was not measured: R has no package glmmTMB." in text
    for name in ("rates", "grown"):
        assert f"side_by_side_{name}.svg" in text
        assert (tmp_path / f"side_by_side_{name}.svg").read_text(encoding="utf-8").startswith("<svg")


def rows_end(divergent, z):
    return [divergent, "1.001", "500", z]


def test_the_page_of_nothing_says_so(tmp_path, writer):
    pd.DataFrame(columns=list(kept.COLUMNS)).to_csv(tmp_path / "side_by_side.csv", index=False)
    writer.main()
    assert "Nothing was measured yet." in (tmp_path / "side_by_side.md").read_text(encoding="utf-8")
    assert not list(tmp_path.glob("*.svg"))
