"""Thirty attacks that do nothing: no code runs, no file is written, no other program or machine is asked.

Every attack names a canary. A hook that Python calls for what can do harm hears of it (`sys.addaudithook`).
What text can do to the parser is in formula/test_safety.py, forged models in files in fit/test_files.py,
labels in a page in report/test_report_page.py, and who may ask the explorer in explore/test_server.py.
"""

import contextlib
import html
import io
import json
import pickle
import sys

import h5py
import numpy as np
import pandas as pd
import pytest

import shoal as sl
from bad_inputs import setting
from fuzz.outcome import in_time
from refusals import refused
from shoal.cli.run import run
from shoal.errors import ShoalError
from shoal.explore import Session
from shoal.explore.choices import read_choices

CANARY = "canary"
HARM = (
    "compile",
    "exec",
    "import",
    "open",
    "os.",
    "shutil.",
    "subprocess.",
    "socket.",
    "pickle.",
    "webbrowser.",
)
FEW = {"draws": 20, "chains": 1, "warmup": 20, "seed": 1, "cores": 1, "progress": False}
listening, heard = [], []


def listen(event, arguments):
    if listening and event.startswith(HARM) and CANARY in " ".join(map(str, arguments)):
        heard.append((event, arguments))


sys.addaudithook(listen)  # which no process can take back: it hears while `listening` holds something


@contextlib.contextmanager
def nothing_happens(folder):
    """Fail if the canary is heard of, or if a file is there afterwards that was not there before."""
    before = sorted(folder.rglob("*"))
    heard.clear()
    listening.append(True)
    try:
        with in_time():
            yield
    finally:
        listening.pop()
    assert not heard and sorted(folder.rglob("*")) == before


def test_the_hook_can_hear(tmp_path):
    with pytest.raises(AssertionError), nothing_happens(tmp_path):
        compile(f"{CANARY} = 1", "attack", "exec")
    with pytest.raises(AssertionError), nothing_happens(tmp_path):
        (tmp_path / CANARY).write_text("")


@pytest.fixture(scope="module")
def fit():
    return sl.Model("y ~ x + f + (1 + x | g)", setting.table()).fit(**FEW)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


WRITES = f"__import__('pathlib').Path('{CANARY}').touch()"
QUESTIONS = [
    lambda fit: sl.Model(f"y ~ {WRITES}", setting.table()),
    lambda fit: sl.Model(f"y ~ x + (1 | gr(g, cov={WRITES}))", setting.table()),
    lambda fit: sl.Model("y ~ x", setting.table(), predictors={"sigma": f"~ I({WRITES})"}),
    lambda fit: sl.Model("y ~ x", setting.table(), predictors={f"sigma + {WRITES}": "~ x"}),
    lambda fit: sl.Model("y ~ x", setting.table(), priors={WRITES: sl.priors.Normal()}),
    lambda fit: sl.Model("y ~ x", setting.table(), family=f"gaussian({WRITES})"),
    lambda fit: sl.Model("y ~ x", f"{CANARY}.py"),
    lambda fit: fit.test(f"x > {WRITES}"),
    lambda fit: fit.contrast({"f": ["low", "high"]}, hypothesis=f"b1 - {WRITES}"),
    lambda fit: fit.effect("x", at={"f": WRITES}),
    lambda fit: fit.predict(setting.table().assign(g=WRITES)),
    lambda fit: sl.load_dataset(f"../{CANARY}"),
    lambda fit: sl.load(f"{CANARY}.nc"),
]


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_text_is_never_code(number, fit, folder):
    with nothing_happens(folder), pytest.raises(ShoalError):
        QUESTIONS[number](fit)


COMMANDS = [
    ("check", "y ~ x", "data.csv", "--prior", f"b={WRITES}"),
    ("check", "y ~ x", "data.csv", "--prior", f"b=Normal({WRITES}, 1)"),
    ("check", "y ~ x", "data.csv", "--predictor", f"sigma ~ {WRITES}"),
    ("check", f"y ~ $(touch {CANARY})", "data.csv"),
    ("check", "y ~ x", f"data.csv; touch {CANARY}"),
    ("datasets", f"../../{CANARY}"),
]


@pytest.mark.parametrize("words", COMMANDS)
def test_words_of_a_command_are_never_code(words, folder):
    setting.table().to_csv("data.csv", index=False)
    with nothing_happens(folder), contextlib.redirect_stderr(io.StringIO()) as said:
        assert run(words) == 1
    assert said.getvalue().startswith("error: ")


# Labels

LABELS = [
    f"<script>{CANARY}()</script>",
    f"<img src=x onerror={CANARY}()>",
    f"{{{{ {CANARY}() }}}}",
    f"{{% import {CANARY} %}}",
    f"[bold red]{CANARY}[/]",
    f"\x1b]0;{CANARY}\x07",
    f"$\\input{{{CANARY}}}$",
    f"=cmd|' /C {CANARY}'!A0",
    f"../../{CANARY}",
    f"%({CANARY})s ${{{CANARY}}}",
]
COLUMN = f"</p><svg onload={CANARY}()>"


@pytest.fixture(scope="module")
def marked():
    """Return a fit whose labels, factor and predictor are markup."""
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"y": rng.normal(size=40), COLUMN: rng.normal(size=40), "g": np.tile(LABELS, 4)})
    return sl.Model(f"y ~ `{COLUMN}` + (1 | g)", data).fit(**FEW)


@pytest.mark.filterwarnings("ignore::shoal.errors.ShoalWarning")
def test_markup_in_labels_is_text_in_a_page(marked, folder):
    with nothing_happens(folder):
        shown = marked._repr_html_() + marked.model._repr_html_()
    marked.report("page.html")
    page = (folder / "page.html").read_text(encoding="utf-8")
    for text in (shown, page):
        assert (
            f"<script>{CANARY}" not in text
            and "<img src=x" not in text
            and f"<svg onload={CANARY}" not in text
        )
    text = html.unescape(page)
    assert all(label in text for label in LABELS if label.isprintable())


def test_markup_in_labels_is_text_in_a_terminal(marked, folder):
    table = marked.model.specification.table.frame
    table.to_csv("data.csv", index=False)
    words = [
        "fit",
        f"y ~ `{COLUMN}` + (1 | g)",
        "data.csv",
        "--effects",
        "--draws",
        "20",
        "--chains",
        "1",
        "--seed",
        "1",
    ]
    with nothing_happens(folder), contextlib.redirect_stdout(io.StringIO()) as out:
        with contextlib.redirect_stderr(io.StringIO()) as err:
            run(words)
    said = out.getvalue() + err.getvalue()
    # A long label goes on in the next line.
    assert f"[bold red]{CANARY}[/]" in said and f"<script>{CANARY}()" in said
    assert "\x1b" not in said and "\x07" not in said


def test_labels_that_look_like_paths_are_saved_as_labels(marked, folder):
    marked.save("fit.nc")
    with nothing_happens(folder):
        again = sl.load("fit.nc")
    assert set(again.levels("g").coords["g"].values) == set(LABELS)


# Files


class Evil:
    def __reduce__(self):
        return eval, (f"__import__('{CANARY}')",)


def forged(attribute, value):
    def forge(file):
        file.attrs[attribute] = value

    return forge


def loop(file):
    file["posterior"]["loop"] = h5py.SoftLink("/")


def itself(file):
    file["posterior/itself"] = file["posterior"]


def elsewhere(file):
    del file["posterior/x"]
    file["posterior/x"] = h5py.ExternalLink(f"/etc/{CANARY}", "/x")


def endless(file):
    """A terabyte that takes no room in the file."""
    del file["posterior/x"]
    shape = (1, 20, 2**37)
    file.create_dataset("posterior/x", shape, "f8", chunks=(1, 1, 2**20), compression="gzip")


def objects(file):
    """Text in place of draws, as a pickle."""
    del file["posterior/x"]
    file["posterior/x"] = np.full((1, 20), np.void(pickle.dumps(Evil())))


FORGERIES = {
    "a family of another module": forged("family", json.dumps([["own", "log", f"{CANARY}:Own"]])),
    "a pickle": forged("priors", np.void(pickle.dumps(Evil()))),
    "a prior of another kind": forged("priors", json.dumps({"x": {"kind": f"{CANARY}.Normal"}})),
    "a formula": forged("formula", json.dumps([f"y ~ {WRITES}"])),
    "a loop of links": loop,
    "a group in itself": itself,
    "a link to another file": elsewhere,
    "a size without end": endless,
    "pickled draws": objects,
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_file_is_refused_or_read_without_it(forgery, fit, folder):
    fit.save("fit.nc")
    with h5py.File("fit.nc", "a") as file:
        FORGERIES[forgery](file)
    with nothing_happens(folder):
        for read in (sl.load, sl.diagnose):
            with contextlib.suppress(ShoalError):
                read("fit.nc")


def test_a_pickle_under_the_name_of_a_result_is_not_opened(folder):
    (folder / "fit.nc").write_bytes(pickle.dumps(Evil()))
    with nothing_happens(folder), refused("not-a-result-file"):
        sl.load("fit.nc")


# The explorer

REQUESTS = [
    {"priors": {"x": {"kind": f"__import__('{CANARY}')"}}},
    {"priors": {f"<script>{CANARY}()</script>": {"kind": "Normal", "mu": 0, "sigma": 1}}},
    {"priors": {"sd_g": {"kind": "HalfNormal", "sigma": f"__import__('{CANARY}')"}}},
    {"coordinates": f"../{CANARY}"},
    {"group": WRITES, "effect": WRITES},
    {"pooling": {"__class__": CANARY}},
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_of_the_page_is_never_code(request_, fit, folder):
    session = Session(fit.model.specification, None, "...", 1)
    with nothing_happens(folder), contextlib.suppress(ShoalError):
        answer = session.fit(read_choices(json.dumps(request_).encode()))
        assert "message" in answer["levels"]  # the one of a group and an effect that are not there
