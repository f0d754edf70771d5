"""Batched evaluation of a density: the marginal at many thetas, the points of many draws."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import numpy as np

from shoal.sample.programs import double, program, to_device
from shoal.sample.target import LogDensity, Target

BATCH = 128  # thetas a call: enough to spread a call's cost, few enough to compile once for all
SMALL_BATCH = 8  # where a single evaluation costs far more than a call
WORKING_SET = 150_000  # numbers; a larger vectorised step would leave the processor's cache


def _lanes(density: LogDensity, most: int) -> int:
    """Return how many evaluations run side by side in one vectorised step."""
    if not density.batchable:
        return 1
    return int(np.clip(WORKING_SET // (20 * max(density.n_latent, 1)), 1, most))


def _vectorized(function: Callable[[Any], Any], arguments: Any, count: int, lanes: int) -> Any:
    """Map `function` over the first axis of `arguments`, at most `lanes` of `count` at a time.

    As `jax.lax.map` with a batch size, which fails on arrays without elements (a model with no effects).
    """
    if lanes == 1:
        return jax.lax.map(function, arguments)
    blocks = -(-count // lanes)
    lanes = -(-count // blocks)
    which = np.minimum(np.arange(blocks * lanes), count - 1).reshape(blocks, lanes)
    out = jax.lax.map(jax.vmap(function), jax.tree.map(lambda a: a[which], arguments))
    return jax.tree.map(lambda a: a.reshape(blocks * lanes, *a.shape[2:])[:count], out)


def batch_size(density: LogDensity) -> int:
    """Return how many thetas one call evaluates."""
    return BATCH if density.batchable else SMALL_BATCH


def _marginals(density: LogDensity, data: Any, thetas: Any) -> Any:
    size = batch_size(density)
    return _vectorized(lambda t: density.marginal(data, t), thetas, size, _lanes(density, size))


def _points(density: LogDensity, data: Any, thetas: Any, zs: Any) -> Any:
    count = len(thetas)
    return _vectorized(lambda q: density.joint(data, *q), (thetas, zs), count, _lanes(density, count))


def _anchored(pair: tuple[LogDensity, LogDensity], data: Any, theta: Any) -> Any:
    density, scout = pair
    return density.anchored(data, theta, scout)


def anchor(target: Target, theta: np.ndarray) -> Any:
    """Return the target's data with the map from z laid at `theta`."""
    if target.scout is None:
        return target.data
    with double():
        return program(_anchored, (target.density, target.scout), target.data, theta)(target.data, theta)


def anchored_shapes(target: Target) -> Target:
    """Return the target with the shapes of its anchored data in place of the data: enough to compile for."""
    if target.scout is None:
        return target
    with double():
        shapes = jax.eval_shape(
            partial(_anchored, (target.density, target.scout)), target.data, np.zeros(target.density.n_theta)
        )
    return replace(target, data=shapes)


def marginal_batches(target: Target, cores: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function from (S, d) thetas to their (S,) log marginal densities, using all cores."""
    size = batch_size(target.density)
    example = to_device(np.zeros((size, target.density.n_theta)))
    run = program(_marginals, target.density, target.data, example)

    def one(part: np.ndarray) -> np.ndarray:
        padded = np.concatenate([part, np.repeat(part[-1:], size - len(part), 0)])
        with double():
            return np.asarray(run(target.data, padded))[: len(part)]

    def batch(thetas: np.ndarray) -> np.ndarray:
        parts = [thetas[i : i + size] for i in range(0, len(thetas), size)]
        with ThreadPoolExecutor(cores) as pool:
            return np.concatenate(list(pool.map(one, parts)))

    return batch


def points(target: Target, thetas: np.ndarray, zs: np.ndarray) -> tuple[np.ndarray, Any]:
    """Return log densities and points of one batch of draws of (theta, z), as NumPy arrays."""
    run = points_program(target, len(thetas))
    with double():
        return jax.tree.map(np.asarray, run(target.data, thetas, zs))


def points_program(target: Target, size: int) -> Any:
    """Compile (or find) the program behind `points` for batches of `size`."""
    density = target.density
    example = to_device((np.zeros((size, density.n_theta)), np.zeros((size, density.n_latent))))
    return program(_points, density, target.data, *example)
