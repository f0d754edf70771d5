"""A row of weight 0 is a row that is not there: densities, priors, shapes."""

import numpy as np
import pytest
from cases import ALL, Case, natural, posterior
from hypothesis import given
from hypothesis import strategies as st
from test_density import SEEDS, draw_point, few

from families.scipy_densities import log_density
from posterior.density import linear_predictor, log_joint
from shoal.sample.programs import compiled, to_device
from shoal.engine.progress import Progress
from shoal.sample.run import run
from shoal.engine.settings import Settings, Target


def without_rows(model, values, gone):
    """The plain density of the whole model, less the plain densities of the rows that are gone."""
    total = log_joint(model, values)
    for design in model.designs:
        phi = {name: values[design.prefix + name] for name in design.parameters}
        if design.family.ordinal:
            phi["cutpoints"] = np.asarray(values[design.cutpoints])
        total -= log_density(design.family, design.rows, linear_predictor(design, values), phi)[gone].sum()
    return total


@pytest.mark.parametrize("case", ALL, ids=str)
@given(data=st.data())
@few
def test_rows_left_out_are_gone_from_the_density_and_priors_stay(case, data):
    whole = posterior(case, data.draw(SEEDS, "seed"))
    size = whole.model.designs[0].n_rows
    gone = np.array(data.draw(st.lists(st.booleans(), min_size=size, max_size=size), "gone"))
    left = whole.given(whole.model.without(gone))
    theta, z = draw_point(data, left)
    point = natural(left, theta, z)
    _, singular, right = np.linalg.svd(point.by_z)
    ignored = right[len(singular) :] @ z
    expected = without_rows(whole.model, point.values, gone)
    expected += np.linalg.slogdet(point.by_theta)[1] + np.log(singular).sum() - 0.5 * ignored @ ignored
    expected += 0.5 * np.log(2 * np.pi) * (len(z) - len(ignored))
    np.testing.assert_allclose(point.value, expected, rtol=1e-8, atol=1e-6)


@pytest.mark.parametrize(
    "case", [Case("y ~ x1 + (1 | g)"), Case("k | trials(n) ~ x1 + (1 | g)", "binomial")], ids=str
)
def test_a_fit_without_rows_compiles_nothing(case):
    whole = posterior(case)
    settings = Settings(draws=50, chains=1, cores=1)

    def fit(p):
        target = Target(p.density, to_device(p.data), p.start(), p.scout)
        run(target, p.plan.sampler, p.plan.fits_marginal, settings, Progress())

    fit(whole)
    before = compiled()
    for row in range(3):
        fit(whole.given(whole.model.without(np.arange(whole.model.designs[0].n_rows) == row)))
    assert compiled() == before
