"""A model exported to PyMC has Shoal's log density, and Shoal's names."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from export_cases import ALL, EFFECTS, FAMILIES, ROWS, SEVERAL, Case

import shoal as sl
from posterior.density import zero_sum_basis
from shoal.engine.settings import Chains, Settings
from shoal.export import COORDINATES
from shoal.fit.posterior import Posterior, posterior_of
from shoal.fit.results import assemble
from shoal.model import Specification
from shoal.model.terms.coefficients import PlacedCoefficients
from shoal.model.terms.group_effects import PlacedGroupEffects
from shoal.model.terms.group_parameters import moved, partial_names
from shoal.model.terms.latents import PlacedLatent
from sweeps import sparsely

OPTIONAL = "PyMC is an optional part: pip install 'shoal[pymc]'"
pymc = pytest.importorskip("pymc", reason=OPTIONAL)
pytensor = pytest.importorskip("pytensor", reason=OPTIONAL)
exported = pytest.importorskip("shoal.export.effects", reason=OPTIONAL)
# Of a PyTensor installed by pip, which finds no BLAS to call from compiled code.
pytestmark = [
    pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS:UserWarning"),
    # Of PyMC's own truncated distributions.
    pytest.mark.filterwarnings("ignore:Scan return signature will change:DeprecationWarning"),
]

POINTS = 5
LOG_2_PI = math.log(2 * math.pi)


class Points(NamedTuple):
    """Random points of a posterior.

    Attributes
    ----------
    log_density : (S,) array
        Of the rows and the parameters: hyperparameters on natural scales (partial correlations, gaps between
        cutpoints), coefficients, standardised effects; every constant included.
    variables : dict
        What a fit would report, (S, ...) arrays.
    dims, coords : dict
        Of `variables`.
    z : dict
        Standardised effects by the name of the effects, (S, G, K).
    partial : dict
        Partial correlations by group, (S, C).
    """

    log_density: np.ndarray
    variables: dict[str, np.ndarray]
    dims: dict[str, tuple[str, ...]]
    coords: dict[str, list]
    z: dict[str, np.ndarray]
    partial: dict[str, np.ndarray]


def points_of(model: Specification) -> Points:
    """Return random points with the engine's log density.

    The reference is the engine's own joint density in non-centered coordinates, less the Jacobians of its
    transforms. So the export is compared with what is sampled, not with a third statement of the model.
    """
    p = posterior_of(model, "noncentered")
    rng = np.random.default_rng(1)
    thetas, zs = (np.stack(part) for part in zip(*(_random(p, rng) for _ in range(POINTS)), strict=True))
    points = np.stack([_elements(p, theta, z) for theta, z in zip(thetas, zs, strict=True)])
    kept = p.assembled.elements()
    drawn = p.assembled.drawn(p.target.values(thetas[None]), points[None][..., kept], kept)
    chains, settings = Chains(thetas[None], points[None], {}, "none"), Settings(draws=POINTS, chains=1)
    tree = assemble(p, chains, p.assembled.variables(drawn), settings, {}, []).tree
    variables = {str(name): v.values[0] for name, v in tree["posterior"].data_vars.items()}
    dims = {str(name): v.dims[2:] for name, v in tree["posterior"].data_vars.items()}
    coords = {str(name): list(c.values) for name, c in tree["posterior"].coords.items()}
    partial = {
        g.cor: np.reshape([drawn.values[name][0] for name in partial_names(g)], (-1, POINTS)).T
        for g in model.groups
    }
    log_density = np.array([_log_density(p, theta, z) for theta, z in zip(thetas, zs, strict=True)])
    effects = _standardised(p, points)
    return Points(log_density, _folded(model, variables), dims, coords, effects, partial)


def _random(p: Posterior, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return theta and z.

    Coefficients near the middle of their priors: PyMC's binomial density is zero where 1 - p rounds to zero.
    """
    theta, z = rng.normal(0, 0.7, p.target.n_theta), rng.normal(size=p.target.n_effects)
    for own in p.assembled.placed:
        if isinstance(own, PlacedCoefficients):
            z[p.target.problem.pattern.order[own.x]] *= 0.3
    return theta, z


def _elements(p: Posterior, theta: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return the elements (v, x) of a point in the coordinates that are meant by standardised effects."""
    return p.target.in_coordinates("noncentered", theta, z)[3]


def _standardised(p: Posterior, points: np.ndarray) -> dict[str, np.ndarray]:
    """Return the standardised effects (..., G, K) of elements (v, x) by the name of the effects."""
    order, nv, out = p.target.problem.pattern.order, len(p.target.problem.scales.constant), {}
    for own in p.assembled.placed:
        if isinstance(own, PlacedLatent):
            out[own.term.name] = points[..., nv + order[own.x], None]
        if not isinstance(own, PlacedGroupEffects):
            continue
        factor, at = own.term.factor, 0
        u = points[..., nv + order[own.x]]
        u = u if factor.root is None else np.linalg.solve(factor.root, u)
        for _, group in factor.groups:
            out[group.r] = u[..., at : at + len(group.effects)]
            at += len(group.effects)
    return out


def _log_density(p: Posterior, theta: np.ndarray, z: np.ndarray) -> float:
    """Return the log density of `Points`: the engine's, by natural scales instead of (theta, z)."""
    value, *_ = p.target.in_coordinates("noncentered", theta, z)
    place, h = p.target.problem.slots.place, 1e-3
    # Each hyperparameter depends on its own coordinate of theta alone.
    up, down, up2, down2 = (p.target.values(theta + k * h)[place] for k in (1, -1, 2, -2))
    value -= np.log(abs(8 * (up - down) - (up2 - down2)) / (12 * h)).sum()
    # Effects are affine in z.
    by_z = np.array([_effects(p, theta, z + e) for e in np.eye(len(z))]) - _effects(p, theta, z)
    _, singular, right = np.linalg.svd(by_z.T)
    ignored = right[len(singular) :] @ z  # what no effect depends on is standard normal
    # The engine leaves out the constants of standard normals.
    return value - np.log(singular).sum() + 0.5 * ignored @ ignored - 0.5 * len(singular) * LOG_2_PI


def _effects(p: Posterior, theta: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Return coefficients and standardised effects, those that sum to zero in coordinates of their space."""
    elements = _elements(p, theta, z)
    coefficients = [own for own in p.assembled.placed if isinstance(own, PlacedCoefficients)]
    parts = [(own.scale @ elements[own.b])[abs(own.scale).sum(1) > 0] for own in coefficients]
    zero_sum = {group.r for group in p.model.groups if group.zero_sum}
    for name, u in _standardised(p, elements).items():
        parts.append((zero_sum_basis(len(u)) @ u if name in zero_sum else u).ravel())
    return np.concatenate(parts)


def _folded(model: Specification, variables: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the points with the sign of every free latent such that its first loading is positive."""
    out = dict(variables)
    for name, own in _latents(model).items():
        if _free(model, own):
            sign = np.sign(out[own[0]])
            out |= {loading: sign * out[loading] for loading in own}
            out[f"latent_{name}"] = sign[:, None] * out[f"latent_{name}"]
    return out


def _free(model: Specification, loadings: list[str]) -> bool:
    """Return whether the sign of a latent says nothing: no loading is fixed, or has a prior off zero."""
    return all(getattr(model.priors[name].prior, "mu", None) == 0 for name in loadings)


def _latents(model: Specification) -> dict[str, list[str]]:
    """Return the loadings of each latent."""
    latents = [latent for design in model.designs for latent in design.latents]
    return {u.name: [v.loading for v in latents if v.name == u.name] for u in latents}


def inputs_of(model: Specification, points: Points, coordinates: str) -> dict[str, np.ndarray]:
    """Return the values of every variable that the exported model may sample, (S, ...)."""
    given = dict(points.variables)
    for design in (own for own in model.designs if own.cutpoint_sets):
        sets = design.thresholds.parted(given[design.cutpoints])
        given |= dict(zip(design.cutpoint_sets, sets, strict=True))
    for group in model.groups:
        z, r = points.z[group.r], given[group.r]
        given[f"{group.cor}_half"] = (1 + points.partial[group.cor]) / 2
        given[f"{group.cor}_half_at_average"] = given[f"{group.cor}_half"]
        draws = {name: given[name] for name in (group.sd, group.cor) if name in given}
        at_average = (draws | moved(group, group.to_average, draws))[group.sd]
        given[f"{group.sd}_at_average"] = at_average
        for k, effect in enumerate(group.effects):
            given[f"{group.sd}[{effect}]"] = given[group.sd][:, k]
            given[f"{group.sd}_at_average[{effect}]"] = at_average[:, k]
        for number, block in enumerate(group.blocks, 1):
            given[f"{group.r}_z_{number}"] = z[..., list(block)]
        given[f"{group.r}_by_effect"] = np.swapaxes(r, -1, -2)
        given[f"{group.r}_contrasts"] = exported.contrasts(len(group.labels)) @ r
        given[f"{group.r}_z"] = np.swapaxes(z, -1, -2) if group.zero_sum else z
        if coordinates == "zero_sum" and exported.splits(group):
            mean = z.mean(1, keepdims=True)
            given[f"{group.r}_z"] = np.swapaxes(z - mean, -1, -2)
            given[f"{group.r}_mean_z"] = mean[:, 0] * np.sqrt(len(group.labels))
    for design in model.parts:
        given |= _population_inputs(model, design, given)
    return given


def _population_inputs(
    model: Specification, design: Any, given: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return coefficients at average columns, of these levels, and of each level."""
    out, of_levels = {}, {name: given[name] for name in design.columns}
    for group in design.groups:
        matched = [(k, design.columns[c]) for k, c in enumerate(design.matched(group)) if c >= 0]
        level = given[group.r].copy()
        for k, name in matched:
            level[..., k] += given[name][:, None]
            if exported.splits(group):
                of_levels[name] = of_levels[name] + given[group.r][..., k].mean(1)
        out[f"{group.prefix}level_{group.name}"] = level
        for number, block in enumerate(group.blocks, 1):
            out[f"{group.prefix}level_{group.name}_{number}"] = level[..., list(block)]
    out |= {f"{name}_of_levels": value for name, value in of_levels.items()}
    if joint := [name for name in design.columns if model.priors[name].joint]:
        out[f"{design.prefix}b_jointly"] = np.stack([given[name] for name in joint], axis=-1)
        out[f"{design.prefix}b_of_levels"] = np.stack([of_levels[name] for name in joint], axis=-1)
    if "Intercept" in design.terms:
        name = design.columns[design.terms.index("Intercept")]
        averages = dict(zip(design.columns, design.averages, strict=True))
        out[f"{name}_at_average"] = sum(a * given[other] for other, a in averages.items())
        out[f"{name}_at_average_of_levels"] = sum(a * of_levels[other] for other, a in averages.items())
    return out


def constant_of(model: Specification) -> float:
    """Return what the exported log density has more: it is of (1 + p) / 2, and on half the space."""
    partial = sum(len(exported.pairs(group)) for group in model.groups)
    folds = sum(_free(model, own) for own in _latents(model).values())
    return (partial + folds) * math.log(2)


def log_volume(model: Specification, points: Points, coordinates: str) -> np.ndarray:
    """Return the log Jacobian of the sampled effects by the standardised ones, (S,).

    Cutpoints in any order are their mean and orthonormal contrasts: the root of their number.
    """
    anyhow = [design for design in model.designs if not design.family.ordered_cutpoints]
    contrasts = [count for design in anyhow for count in design.cutpoint_sets.values()]
    total = np.full(POINTS, 0.5 * np.log(contrasts).sum())
    if coordinates != "centered":
        return total  # rotations and shifts
    for group in model.groups:
        if group.root is not None:
            continue
        sd, size = points.variables[group.sd], len(group.labels) - group.zero_sum
        total += size * np.log(sd).sum(1)
        if group.correlated:
            total += size * 0.5 * np.linalg.slogdet(points.variables[group.cor])[1]
    return total


def evaluate_pymc(exported_model: Any, given: dict[str, np.ndarray]) -> tuple[np.ndarray, dict[str, Any]]:
    """Return log densities at natural values, and the reported variables."""
    from pymc.model.transform.conditioning import remove_value_transforms

    plain = remove_value_transforms(exported_model)
    outputs = [plain.logp(), *plain.replace_rvs_by_values(plain.deterministics)]
    # Rewritten for stability, but not compiled: a C compiler takes seconds a model.
    mode = pytensor.compile.mode.Mode(linker="py", optimizer="fast_run")
    function = plain.compile_fn(outputs, inputs=plain.value_vars, mode=mode)
    names = [variable.name for variable in plain.value_vars]
    draws = [function({name: given[name][i] for name in names}) for i in range(POINTS)]
    log_density, *reported = (np.stack(part) for part in zip(*draws, strict=True))
    return log_density, dict(zip([d.name for d in plain.deterministics], reported, strict=True))


def check(model: sl.Model, coordinates: str) -> None:
    points = points_of(model.specification)
    given = inputs_of(model.specification, points, coordinates)
    exported_model = model.to_pymc(coordinates)
    log_density, reported = evaluate_pymc(exported_model, given)
    volume = log_volume(model.specification, points, coordinates)
    expected = points.log_density - volume + constant_of(model.specification)
    # PyMC's own constants of the first two are in single precision, and PyTensor's logarithm of 1 / sigma is.
    rounded = ("weibull", "skew_normal", "asym_laplace")
    single = any(design.family.name in rounded for design in model.specification.designs)
    np.testing.assert_allclose(log_density, expected, rtol=1e-6 if single else 1e-9, atol=1e-7)
    for name, values in reported.items():
        np.testing.assert_allclose(values, given[name], atol=1e-9, err_msg=name)
    check_names(exported_model, points)


def check_names(exported_model: Any, points: Points) -> None:
    names = {variable.name for variable in exported_model.unobserved_RVs}
    assert set(points.variables) <= names
    for name, dims in points.dims.items():
        assert exported_model.named_vars_to_dims.get(name, ()) == dims, name
        for dim in dims:
            assert list(exported_model.coords[dim]) == points.coords[dim]


@pytest.mark.parametrize("case", [*FAMILIES, *sparsely(ALL[len(FAMILIES) :])], ids=str)
def test_the_log_density_is_shoals(case):
    check(case.model(), "noncentered")


@pytest.mark.parametrize("pooling", ["none", "complete"])
def test_the_log_density_of_pooling_variants_is_shoals(pooling):
    check(Case("c ~ x + w2 + (1 + x | g)", "poisson").model().with_pooling(pooling), "noncentered")


SHORT = [*EFFECTS[1:2], *EFFECTS[3:4]]
OTHERS = [
    pytest.param(case, marks=[] if case in SHORT else pytest.mark.slow)
    for case in [*ROWS, *EFFECTS, *SEVERAL]
]


@pytest.mark.parametrize("case", OTHERS, ids=str)
@pytest.mark.parametrize("coordinates", [c for c in COORDINATES if c != "noncentered"])
def test_the_log_density_is_shoals_in_other_coordinates(case, coordinates):
    check(case.model(), coordinates)


def test_a_response_named_like_a_parameter_keeps_apart():
    table = pd.DataFrame({"sigma": [0.3, 1.2, 0.4, 2.0], "x": [1.0, 2.0, 2.5, 0.1]})
    exported_model = sl.Model("sigma ~ x", table).to_pymc()
    assert [v.name for v in exported_model.observed_RVs] == ["sigma_observed"]
    assert "sigma" in [v.name for v in exported_model.free_RVs]


def test_cutpoints_are_drawn_in_order_from_the_prior():
    with Case("a ~ x", "cumulative").model().to_pymc():
        draws = pymc.sample_prior_predictive(50, var_names=["cutpoints"], random_seed=1)["prior"]
    values = draws["cutpoints"].values
    assert values.shape[-1] == 3 and (np.diff(values, axis=-1) > 0).all()
