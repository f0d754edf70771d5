"""What the export to PyMC refuses; none of it needs PyMC."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal import export
from shoal.model.terms.offsets import Offsets


@pytest.fixture
def model():
    return sl.Model("y ~ x", pd.DataFrame({"y": [0.3, 1.2, 0.4, 2.0], "x": [1.0, 2.0, 2.5, 0.1]}))


def test_unknown_coordinates_are_refused(model):
    with refused("unknown-choice", match="Did you mean 'centered'") as problem:
        model.to_pymc("centred")
    assert problem.value.code == "unknown-choice"


def test_shrinkage_priors_are_not_exported(model):
    shrunk = sl.Model("y ~ x", model.specification.table.frame, priors={"b": sl.priors.R2D2()})
    with refused("not-exported", match="For the export give 'b' a Normal"):
        shrunk.to_pymc()


def test_correlated_residuals_and_areas_are_not_exported():
    data = pd.DataFrame(
        {"y": [0.3, 1.2, 0.4, 2.0], "z": [1.0, 0.2, 0.5, 0.7], "t": range(4), "a": list("uvuv")}
    )
    pair = [sl.Response("y ~ 1"), sl.Response("z ~ 1")]
    for model in (sl.Model("y ~ 1 + ar(t)", data), sl.Model(pair, data, rescor=True)):
        with refused("not-exported"):
            model.to_pymc()
    weights = pd.DataFrame([[0.0, 1.0], [1.0, 0.0]], list("uv"), list("uv"))
    areas = sl.Model("y ~ 1 + car(W, gr=a)", data, covariances={"W": weights})
    with refused("not-exported"):
        areas.to_pymc()


def test_missing_and_mismeasured_values_are_not_exported():
    data = pd.DataFrame({"y": [0.3, 1.2, np.nan, 2.0], "x": [1.0, np.nan, 0.5, 0.7], "s": 0.1})
    known = data.dropna()
    imputed = [sl.Response("y | mi() ~ mi(x)"), sl.Response("x | mi() ~ 1")]
    for model in (
        sl.Model(imputed, data),
        sl.Model("y | mi() ~ 1", data[["y"]]),
        sl.Model("y ~ me(x, s)", known),
    ):
        with refused("not-exported"):
            model.to_pymc()


def test_a_term_that_the_export_does_not_know_is_refused(model, monkeypatch):
    monkeypatch.setattr(export, "EXPORTED", export.EXPORTED - {Offsets})
    with refused("not-exported", match="Offsets"):
        model.to_pymc()


@pytest.mark.parametrize("package", ["pymc", "pytensor"])
def test_without_pymc_the_error_says_what_to_install(model, package, monkeypatch):
    for name in [n for n in sys.modules if n.startswith("shoal.export.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pymc", None)
    monkeypatch.setitem(sys.modules, package, None)
    with refused("package-missing", match=r"pip install 'shoal\[pymc\]'"):
        model.to_pymc()


def test_importing_shoal_does_not_import_pymc():
    code = "import shoal, sys; sys.exit('pymc' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
