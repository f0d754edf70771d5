"""What is learnt of a marginal whose effects begin far from their mode."""

import numpy as np
import pandas as pd
import pytest

from shoal import priors as P
from shoal.engine import explore
from shoal.fit.posterior import posterior_of
from shoal.model import Response, specify
from shoal.model.prior_draws import draw_prior, simulate_responses
from shoal.tables import read

PRIORS = {"Intercept": P.Normal(0, 1), "sd": P.HalfNormal(1), "phi": P.Gamma(6, 1), "b": P.Normal(0, 2.8)}


@pytest.fixture(scope="module")
def target():
    """Shares of which some are the least number that there is: log densities of thousands."""
    table = pd.DataFrame(np.random.default_rng(1).dirichlet(np.ones(3), 100), columns=list("abc"))
    table = table.assign(x=np.random.default_rng(2).normal(size=100), g=np.arange(100) // 10)
    model = specify([Response("cbind(a, b, c) ~ x + (1 | g)", "dirichlet")], read(table), PRIORS)
    rng = np.random.default_rng(1)
    truth = {name: value[0] for name, value in draw_prior(model, rng, 1).items()}
    return posterior_of(model).with_responses(*simulate_responses(model, truth, rng)).target


def test_the_mode_is_looked_for_again_where_the_expansion_has_moved_it(target, monkeypatch):
    assert explore.fit_marginal(target, 1, 1, 192).efficiency > 0.5
    monkeypatch.setattr(explore, "SEARCHES", 1)
    assert explore.fit_marginal(target, 1, 1, 192).efficiency < 0.1
