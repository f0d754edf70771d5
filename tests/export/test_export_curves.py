"""Curves exported to PyMC have the plain density, under Shoal's names."""

import numpy as np
import pytest
from export_cases import CURVES
from test_export import POINTS, _population_inputs, evaluate_pymc

from posterior import curves
from posterior.density import log_joint
from shoal.export.names import escaped
from shoal.model.prior_draws import draw_prior

pytest.importorskip("pymc", reason="PyMC is an optional part: pip install 'shoal[pymc]'")
# Of a PyTensor installed by pip, which finds no BLAS to call from compiled code.
pytestmark = pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS:UserWarning")


@pytest.mark.parametrize("case", CURVES, ids=str)
def test_the_density_is_the_plain_one(case):
    model = case.model()
    own = escaped(model.specification)
    draws = draw_prior(own, np.random.default_rng(4), POINTS)
    given, expected = dict(draws), np.zeros(POINTS)
    for i in range(POINTS):
        expected[i] = log_joint(own, {name: values[i] for name, values in draws.items()})
    for curve in (curve for curve in curves.all_curves(own) if curve.term.function != "mo"):
        name = f"{curve.prefix}basis_{curve.name}"
        known = [curves.known(own, {k: v[i] for k, v in draws.items()}) for i in range(POINTS)]
        scales = np.array([curves.scales(curve, values) for values in known])
        given[f"{name}_z"] = draws[name] / scales
        expected += np.log(scales).sum(axis=1)  # PyMC's coefficients are in units of their scales
        for variable in curves.positive(curve):
            if draws[variable].ndim == 2:
                labels = [key for key in own.priors if key.startswith(f"{variable}[")]
                given |= dict(zip(labels, draws[variable].T, strict=True))
    for group in own.groups:
        given[f"{group.r}_z"] = draws[group.r] / draws[group.sd][:, None]
        expected += len(group.labels) * np.log(draws[group.sd]).sum(axis=1)
        given |= {f"{group.sd}[{e}]": draws[group.sd][:, k] for k, e in enumerate(group.effects)}
    given |= _population_inputs(own, own.designs[0], draws)
    found, reported = evaluate_pymc(model.to_pymc(), given)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-8)
    for name in (name for name in reported if name in draws):
        np.testing.assert_allclose(reported[name], draws[name], rtol=1e-9, atol=1e-10)
