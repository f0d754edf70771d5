"""The expected response averaged over the population of levels: an integral for each draw, not a simulation.

Given a draw, the effects of a new level are normal, and so is what new levels add to a linear predictor:
``sum over factors of w^2 z' Λ Λ' z`` is its variance, w the weight of a membership. One integral over one
normal variable is thus exact whatever the number of factors and effects. The trapezoidal rule takes it, whose
error falls geometrically with the number of nodes for functions that are analytic around the real line
(Trefethen and Weideman 2014, SIAM Review 56, 385-458). Where effects enter two linear predictors, those of
mu and sigma, say, their product takes it; where they enter more, or are Student-t, points of low discrepancy.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import xarray as xr

from shoal.errors import ModelError, ShoalWarning
from shoal.families.coarse import Coarse
from shoal.families.links import LINKS
from shoal.fit.new_levels import square_root
from shoal.model.design import Design, Group
from shoal.model.predictors import common_phi, linear_predictor

REACH = 8.0  # standard deviations on either side
TAIL = 1e-4  # share of an integral that its outermost nodes may have
LOCATIONS = ("gaussian", "student", "skew_normal", "asym_laplace")  # whose mean moves with eta, one to one
CLIPPED = 1e200  # beyond which exponentials of exponentials are cut off by `families.numerics`
POINTS = 1024  # of low discrepancy


@dataclass(frozen=True)
class EffectCovariance:
    """What some of the new levels' effects add to the linear predictors.

    Attributes
    ----------
    covariance : (..., N, q, q) array
        By draw and row, of the q linear predictors that have effects of new levels.
    nu : (...) array or None
        Degrees of freedom, where it is that of Student-t effects.
    """

    covariance: np.ndarray
    nu: np.ndarray | None


def check_average(fitted: Design, there: Design) -> None:
    """Raise `ModelError` unless new levels in the rows of `there` have a population to average over."""
    for part, before in zip(there.parts, fitted.parts, strict=True):
        for group, old in zip(part.groups, before.groups, strict=True):
            if len(group.labels) == len(old.labels):
                continue
            if group.root is not None:
                raise ModelError(
                    "average-over-covariance",
                    f"{group.name!r} has levels of the known covariance {group.cov!r}: what a new level is "
                    "depends on which one it is.",
                    "Levels that are exchangeable, to average over their population.",
                    "Effects of zero are those of a typical level.",
                )
            if group.student and not _bounded(fitted):
                raise ModelError(
                    "average-over-student",
                    f"The effects of {group.name!r} are Student-t, and the expected response has no mean "
                    "over their population.",
                    "Normal effects, or a response whose expectation is bounded.",
                    "Effects of zero are those of a typical level; the linear predictor has a mean.",
                )


def _bounded(design: Design) -> bool:
    """Whether the expected response is linear in the linear predictor, or between two bounds."""
    family = design.family
    if family.categorical or family.link in LINKS:
        return True
    transformed = not np.array_equal(family.normal_response(design.rows), design.rows.y)
    return family.link == "identity" and not transformed and not design.predictors


def has_linear_mean(design: Design) -> bool:
    """Whether the expected response is known to be linear in the one linear predictor that there is."""
    return _moves_with_eta(design) and not design.predictors


def _moves_with_eta(design: Design) -> bool:
    """Whether the expected response is known to be the linear predictor and something beside it."""
    truncated = isinstance(design.family, Coarse) and design.family.truncated
    return design.family.name in LOCATIONS and not truncated


def nodes_of_average(design: Design) -> int:
    """Return at how many nodes a row is predicted at least, for its average over the population of levels."""
    own = design.parts[0]
    alone = _moves_with_eta(design) or not (own.groups or own.latents)
    return 1 if alone else len(_nodes(1, 0.0)[0])


def population_mean(
    fitted: Design,
    whole: Design,
    rows: slice,
    design: Design,
    posterior: xr.Dataset,
    draws: Mapping[str, np.ndarray],
    shape: tuple[int, ...],
    seed: int,
) -> np.ndarray:
    """Return the expected response of some rows, averaged over the effects of their new levels.

    Parameters
    ----------
    fitted : Design
    whole : Design
        On the rows of a table; its levels begin with those of `fitted`.
    rows : slice
    design : Design
        Of these rows alone, for `draws`, in which the effects of new levels are zero.
    shape : tuple of int
        Chains, draws, rows.
    seed : int
        Of the points of low discrepancy, where these are needed.
    """
    parts = design.parts
    eta = [np.broadcast_to(linear_predictor(part, draws), shape) for part in parts]
    phi = common_phi(design, draws)
    places, spreads = _spreads(fitted, whole, rows, posterior)

    def mean(shift: np.ndarray) -> np.ndarray:  # of the predictors at `places`
        moved = list(eta)
        for k, place in enumerate(places):
            moved[place] = eta[place] + shift[..., k]
        own = {
            part.parameter: part.family.mean(part.rows, there, {})
            for part, there in zip(parts[1:], moved[1:], strict=True)
        }
        return np.asarray(design.family.mean(design.rows, moved[0], phi | own))

    total, outside = np.zeros(()), np.zeros(())
    with np.errstate(over="ignore", invalid="ignore"):
        places, spreads = _that_matter(places, spreads, mean, shape, _moves_with_eta(design))
        if not places:
            return np.array(mean(np.zeros((*shape, 0))))
        for weight, shift, outer in _shifts(spreads, len(places), seed):
            part = weight * mean(shift)
            total = total + part
            outside = outside + outer * np.abs(part)
    _warn_of_tails(total, outside)
    return total


def _that_matter(
    places: list[int],
    spreads: list[EffectCovariance],
    mean: Callable[[np.ndarray], np.ndarray],
    shape: tuple[int, ...],
    moves_with_eta: bool,
) -> tuple[list[int], list[EffectCovariance]]:
    """Return the linear predictors that are integrated over, and what new levels add to them.

    Effects on the others move no mean, such as those on sigma of normal rows; or the mean moves with the
    response's own predictor, whose effects, being normal, have a mean of zero.
    """
    normal, kept = all(spread.nu is None for spread in spreads), list[int]()
    for k, place in enumerate(places):
        if place == 0 and moves_with_eta and normal:
            continue
        moved = np.zeros((*shape, len(places)))
        there = mean(moved)
        moved[..., k] = np.sqrt(sum(spread.covariance[..., k, k] for spread in spreads))
        if not np.array_equal(mean(moved), there, equal_nan=True):
            kept.append(k)
    own = [replace(spread, covariance=spread.covariance[..., kept, :][..., kept]) for spread in spreads]
    return [places[k] for k in kept], own


def _warn_of_tails(total: np.ndarray, outside: np.ndarray) -> None:
    """Warn where the outermost nodes matter: the integral over all of them may be infinite."""
    bad = ~(np.abs(total) < CLIPPED)
    bad[~bad] = outside[~bad] > TAIL * np.abs(total[~bad])
    if bad.any():
        warnings.warn(
            f"In {bad.mean():.1%} of draws and rows the average over the population of levels is that of its "
            "far tail, or infinite: expected responses grow too fast with the effects. Medians over draws, "
            "a typical level and the linear predictor are sound.",
            ShoalWarning,
            stacklevel=2,
        )


def _spreads(
    fitted: Design, whole: Design, rows: slice, posterior: xr.Dataset
) -> tuple[list[int], list[EffectCovariance]]:
    """Return the linear predictors, by number, that have effects of new levels, and what these add."""
    held: dict[str, list[tuple[int, np.ndarray]]] = {}  # of each variable: predictors, values (N, M, K)
    groups: dict[str, Group | None] = {}
    loadings: dict[tuple[str, int], str] = {}
    for number, (part, before) in enumerate(zip(whole.parts, fitted.parts, strict=True)):
        for group, old in zip(part.groups, before.groups, strict=True):
            own = group.at(rows)
            new = own.index >= len(old.labels)
            if new.any():
                weight = np.ones(own.index.shape) if own.weight is None else own.weight
                weight = (weight * new).reshape(len(new), -1)
                held.setdefault(group.r, []).append((number, weight[:, :, None] * own.z[:, None, :]))
                groups[group.r] = group
        for latent, older in zip(part.latents, before.latents, strict=True):
            new = latent.index[rows] >= len(older.labels)
            if new.any():
                name = f"latent_{latent.name}"
                held.setdefault(name, []).append((number, new[:, None, None].astype(float)))
                groups[name], loadings[name, number] = None, latent.loading
    places = sorted({number for members in held.values() for number, _ in members})
    out: list[EffectCovariance] = []
    for name, members in held.items():
        owner = groups[name]
        if owner is None:
            scaled = {
                number: values * posterior[loadings[name, number]].values[..., None, None, None]
                for number, values in members
            }
            out.append(EffectCovariance(_covariance(scaled, places), None))
            continue
        root = square_root(owner, posterior)
        for block in owner.blocks if owner.student else (tuple(range(len(owner.effects))),):
            own_root = root[..., list(block), :]
            scaled = {number: values[..., list(block)] @ own_root[:, :, None] for number, values in members}
            nu = posterior[owner.nu].values.astype(float) if owner.student else None
            out.append(EffectCovariance(_covariance(scaled, places), nu))
    normal = [spread.covariance for spread in out if spread.nu is None]
    together = [EffectCovariance(sum(normal[1:], normal[0]), None)] if normal else []
    return places, together + [spread for spread in out if spread.nu is not None]


def _covariance(values: Mapping[int, np.ndarray], places: list[int]) -> np.ndarray:
    """Return the covariance (..., N, q, q) of sums of standard normals times values (..., N, M, K)."""
    zero = np.zeros(np.shape(next(iter(values.values()))))
    own = [values.get(number, zero) for number in places]
    return np.stack([np.stack([(a * b).sum((-2, -1)) for b in own], -1) for a in own], -2)


def _shifts(spreads: list[EffectCovariance], q: int, seed: int) -> Iterator[tuple[float, np.ndarray, bool]]:
    """Yield weights, what is added to q linear predictors (..., N, q), and whether a node is an outer one."""
    if q > 2 or any(spread.nu is not None for spread in spreads):
        yield from _points(spreads, q, seed)
        return
    root = _root(spreads[0].covariance)
    nodes, weights, reach = _nodes(q, float(np.sqrt(spreads[0].covariance.max(initial=1e-12))))
    for chosen in product(range(len(nodes)), repeat=q):
        point = nodes[list(chosen)]
        if point @ point <= reach**2:
            outer = point @ point > (reach - 1) ** 2
            yield float(np.prod(weights[list(chosen)])), root @ point, bool(outer)


def _nodes(q: int, largest: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Return nodes and weights along each of q axes, and how far they reach, for a largest sd."""
    # The strip in which a logistic function is analytic narrows as the standard deviation grows, and where
    # the mean is an exponential the integrand's centre moves by that deviation.
    largest = max(largest, 1e-6)
    step = max(min(0.5, 0.6 / largest), 0.04) if q == 1 else max(min(0.8, 1 / largest), 0.25)
    reach = REACH + min(largest, REACH)
    nodes = step * np.arange(-np.ceil(reach / step), np.ceil(reach / step) + 1)
    weights = np.exp(-0.5 * nodes**2)
    return nodes, weights / weights.sum(), reach


def _points(spreads: list[EffectCovariance], q: int, seed: int) -> Iterator[tuple[float, np.ndarray, bool]]:
    """Yield points of a scrambled Sobol sequence (Owen 1998, Journal of Complexity 14, 466-489)."""
    from scipy.special import ndtri
    from scipy.stats import chi2, qmc

    student = [spread for spread in spreads if spread.nu is not None]
    normal = sum((spread.covariance for spread in spreads if spread.nu is None), np.zeros(()))
    root = None if student else _root(normal)
    uniform = qmc.Sobol(q + len(student), rng=np.random.default_rng(seed)).random(POINTS)
    for point in np.clip(uniform, 1e-12, 1 - 1e-12):
        covariance = normal
        for spread, u in zip(student, point[q:], strict=True):
            assert spread.nu is not None
            stretch = (spread.nu / chi2.ppf(u, spread.nu))[..., None, None, None]
            covariance = covariance + spread.covariance * stretch
        own = _root(covariance) if root is None else root
        yield 1 / POINTS, own @ ndtri(point[:q]), False


def _root(covariance: np.ndarray) -> np.ndarray:
    """Return a square root of covariances (..., q, q), which may be singular."""
    if covariance.shape[-1] == 1:
        return np.sqrt(covariance)
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0.0))[..., None, :]
