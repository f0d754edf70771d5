"""NUTS on the same density: the fallback of the other samplers, and the lab's sampler.

BlackJAX's kernel with its window adaptation (Hoffman and Gelman 2014; Stan's warmup schedule). It sees the
whitened coordinates of `hmc`, so that in transported coordinates there is little left to adapt. BlackJAX is
imported where it is used: it takes a second, and most fits do without it.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from shoal.sample.evaluate import points
from shoal.engine.mixture import MarginalFit
from shoal.sample.programs import double, program, to_device
from shoal.engine.progress import Progress
from shoal.sample.target import Draws, LogDensity, Settings, Target, accept, generators
from shoal.engine.threads import in_threads
from shoal.sample.trees import join, keep, stack

CHUNK = 100


def _log_density(density: LogDensity, data: Any, center: Any, root: Any) -> Any:
    def log_density(q: Any) -> Any:
        theta = center + root @ q[: density.n_theta]
        return density.joint(data, theta, q[density.n_theta :])[0]

    return log_density


def _warm(
    static: tuple[LogDensity, int], data: Any, center: Any, root: Any, target_accept: Any, key: Any, q: Any
) -> Any:
    import blackjax

    density, iterations = static
    adaptation = blackjax.window_adaptation(
        blackjax.nuts, _log_density(density, data, center, root), target_acceptance_rate=target_accept
    )
    (state, parameters), _ = adaptation.run(key, q, num_steps=iterations)
    return state, parameters["step_size"], parameters["inverse_mass_matrix"]


def _chunk(
    density: LogDensity, data: Any, center: Any, root: Any, step: Any, mass: Any, keys: Any, state: Any
) -> Any:
    import blackjax

    kernel = blackjax.nuts.build_kernel()
    log_density = _log_density(density, data, center, root)

    def iterate(state: Any, key: Any) -> Any:
        state, info = kernel(key, state, log_density, step, mass)
        stats = {
            "lp": state.logdensity,
            "acceptance_rate": info.acceptance_rate,
            "energy": info.energy,
            "diverging": info.is_divergent,
            "n_steps": info.num_integration_steps,
            "tree_depth": info.num_trajectory_expansions,
            "step_size": jnp.asarray(step),
        }
        return state, (state.position, stats)

    return jax.lax.scan(iterate, state, keys)


def sample(target: Target, fit: MarginalFit | None, settings: Settings, progress: Progress) -> Draws:
    """Return draws of every chain, chains in parallel threads.

    Parameters
    ----------
    fit : MarginalFit or None
        Whitening and starting points of theta; without it chains begin near `target.start`.
    """
    rngs = generators(settings.seed, settings.chains)
    tasks = [partial(_chain, target, fit, settings, rng, progress) for rng in rngs]
    point, stats = stack(in_threads(tasks, settings.cores, progress))
    facts = {"step_size": stats["step_size"].mean(1).tolist(), "target_accept": accept(settings, target)}
    return Draws(point, stats, "nuts", facts)


def _chain(
    target: Target,
    fit: MarginalFit | None,
    settings: Settings,
    rng: np.random.Generator,
    progress: Progress,
) -> Any:
    density, d = target.density, target.density.n_theta
    if fit is None:
        center, root, first = target.start, np.eye(d), rng.uniform(-1, 1, d)
    else:
        center, root = fit.mean, fit.root
        first = np.linalg.solve(root, fit.sample[rng.choice(len(fit.weight), p=fit.weight)] - center)
    q = np.append(first, 0.5 * rng.normal(size=density.n_latent))
    with double():
        key = jax.random.key(int(rng.integers(2**31)))
        fixed = to_device((center, root))
        warmup = max(settings.warmup, 1000)
        arguments = (target.data, *fixed, jnp.asarray(accept(settings, target)), key, jnp.asarray(q))
        state, step, mass = program(_warm, (density, warmup), *arguments)(*arguments)
        progress.warmed(warmup)
        parts = []
        for i in range(0, settings.draws, CHUNK):
            progress.check()
            keys = jax.random.split(jax.random.fold_in(key, i + 1), CHUNK)
            arguments = (target.data, *fixed, step, mass, keys, state)
            state, (position, stats) = program(_chunk, density, *arguments)(*arguments)
            position = np.asarray(position)
            theta = np.asarray(center) + position[:, :d] @ np.asarray(root).T
            _, point = points(target, theta, position[:, d:])
            parts.append(keep((point, stats), settings, min(CHUNK, settings.draws - i)))
            progress.drawn(len(parts[-1][1]["lp"]))
    return join(parts)
