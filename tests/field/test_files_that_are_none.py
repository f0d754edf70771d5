"""Files that are missing, empty, of another kind or damaged are called so, in Shoal's words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.errors import FileError


@pytest.fixture(scope="module")
def fit():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"y": rng.normal(size=60), "x": rng.normal(size=60)})
    return sl.Model("y ~ x", data).fit(chains=1, draws=10, seed=1)


def empty(path):
    path.write_bytes(b"")


def text(path):
    path.write_text("a,b\n1,2\n")


def classic(path):
    path.write_bytes(b"CDF\x01" + bytes(100))


def folder(path):
    path.mkdir()


def missing(path):
    pass


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (empty, "empty"),
        (text, "another kind"),
        (classic, "netCDF 3"),
        (folder, "folder"),
        (missing, "no file"),
    ],
)
@pytest.mark.parametrize("read", [sl.load, sl.diagnose])
def test_what_is_there_instead_is_said(make, word, read, tmp_path):
    path = tmp_path / "fit.nc"
    make(path)
    with pytest.raises(FileError, match=word) as caught:
        read(path)
    assert "HDF" not in caught.value.found and caught.value.needed


@pytest.mark.parametrize("kept", [0.05, 0.5, 0.99])
@pytest.mark.parametrize("read", [sl.load, sl.diagnose])
def test_a_file_that_was_cut_off_is_damaged(fit, kept, read, tmp_path):
    path = fit.save(tmp_path / "fit.nc")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    with refused("file-damaged"):
        read(path)


def test_a_part_that_is_missing_is_named_without_pythons_words(fit):
    tree = fit.tree.copy()
    del tree.attrs["priors"]
    with refused("file-incomplete") as caught:
        sl.diagnose(tree)
    assert "KeyError" not in str(caught.value)


def test_a_folder_that_is_missing_is_named(fit, tmp_path):
    with refused("no-folder"):
        fit.save(tmp_path / "nowhere" / "fit.nc")


@pytest.mark.parametrize("name", ["fit.csv", "fit.txt", "fit.parquet"])
def test_draws_are_not_written_under_another_kinds_name(fit, name, tmp_path):
    with refused("result-file-ending"):
        fit.save(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["fit", "fit.nc", "fit.NC", "fit.h5"])
def test_other_names_are_taken(fit, name, tmp_path):
    assert sl.load(fit.save(tmp_path / name)).tree["posterior"].sizes["draw"] == 10
