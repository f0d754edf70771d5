"""Hamiltonian trajectories in whitened coordinates: a compiled chunk of draws of one chain.

The target is near a standard normal, on which a trajectory of length pi/2 gives an independent draw; its
length is jittered so that no direction returns to where it began. Random numbers come from NumPy, outside
the compiled program. Neal (2011), MCMC Using Hamiltonian Dynamics, Handbook of MCMC, chapter 5.
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from shoal.engine.mixture import MarginalFit
from shoal.sample.programs import double, program, to_device
from shoal.engine.progress import Progress
from shoal.sample.target import LARGE, Draws, LogDensity, Settings, Target, accept, generators
from shoal.engine.threads import in_threads
from shoal.sample.trees import join, keep, stack

CHUNK = 100  # draws a compiled call: progress and Ctrl-C between them
FIRST_STEP = 0.5
LONGEST = 48  # leapfrog steps a trajectory
DIVERGENT = 1000.0  # loss of log density over a trajectory that no accurate integration makes


class State(NamedTuple):
    """Position q = (whitened theta, z), its log density, gradient and point, and the log step size."""

    q: Any
    log_density: Any
    gradient: Any
    point: Any
    log_step: Any


class Noise(NamedTuple):
    """Randomness and adaptation gains of T iterations."""

    momentum: Any
    log_uniform: Any
    length: Any
    gain: Any


def value_and_grad(density: LogDensity, data: Any, center: Any, root: Any) -> Any:
    """Return the function from q to ((log density, point), gradient)."""

    def log_density(q: Any) -> tuple[Any, Any]:
        theta = center + root @ q[: density.n_theta]
        return density.joint(data, theta, q[density.n_theta :])

    return jax.value_and_grad(log_density, has_aux=True)


def _chunk(
    density: LogDensity, data: Any, center: Any, root: Any, target_accept: Any, state: State, noise: Noise
) -> tuple[State, tuple[Any, dict[str, Any]]]:
    evaluate = value_and_grad(density, data, center, root)

    def leapfrog(step: Any, count: Any, q: Any, p: Any, gradient: Any, point: Any) -> Any:
        def body(_: Any, s: Any) -> Any:
            q, p, _, gradient, _ = s
            p = p + 0.5 * step * gradient
            q = q + step * p
            (value, point), gradient = evaluate(q)
            return q, p + 0.5 * step * gradient, value, gradient, point

        return jax.lax.fori_loop(0, count, body, (q, p, jnp.zeros(()), gradient, point))

    def iterate(state: State, noise: Noise) -> tuple[State, tuple[Any, dict[str, Any]]]:
        step = jnp.exp(state.log_step)
        count = jnp.clip(jnp.round(noise.length / step), 1, LONGEST).astype(int)
        q, p, value, gradient, point = leapfrog(
            step, count, state.q, noise.momentum, state.gradient, state.point
        )
        energy = 0.5 * noise.momentum @ noise.momentum - state.log_density
        change = energy - (0.5 * p @ p - value)
        log_ratio = jnp.where(jnp.isnan(change), -jnp.inf, change)
        accept = jnp.minimum(1.0, jnp.exp(log_ratio))
        proposed = State(q, value, gradient, point, state.log_step)
        new = jax.tree.map(lambda a, b: jnp.where(noise.log_uniform < log_ratio, a, b), proposed, state)
        stats = {
            "lp": new.log_density,
            "acceptance_rate": accept,
            "energy": energy,
            "diverging": log_ratio < -DIVERGENT,
            "n_steps": count,
            "step_size": step,
        }
        new = new._replace(log_step=state.log_step + noise.gain * (accept - target_accept))
        return new, (new.point, stats)

    return jax.lax.scan(iterate, state, noise)


def prepare(target: Target) -> Any:
    """Compile (or find) the chunk program of `target`; can run in a thread of its own."""
    n, d = target.size, target.density.n_theta
    noise = _noise(np.random.default_rng(0), n, np.zeros(CHUNK))
    arguments = to_device((np.zeros(d), np.eye(d), 0.8, _blank(target), noise))
    return program(_chunk, target.density, target.data, *arguments, long=n > LARGE)


@cache
def _point(density: LogDensity, tree: Any, leaves: tuple[tuple[tuple[int, ...], str], ...]) -> Any:
    """Return the shapes of the density's points for data of these shapes; traced once."""
    data = jax.tree.unflatten(tree, [jax.ShapeDtypeStruct(*leaf) for leaf in leaves])
    with double():
        return jax.eval_shape(density.joint, data, np.zeros(density.n_theta), np.zeros(density.n_latent))[1]


def _blank(target: Target, q: np.ndarray | None = None) -> State:
    """Return a state of zero density at `q`, which the first trajectory leaves."""
    n = target.size
    leaves, tree = jax.tree.flatten(target.data)
    shape = _point(target.density, tree, tuple((x.shape, str(x.dtype)) for x in leaves))
    point = jax.tree.map(lambda s: np.zeros(s.shape), shape)
    return State(np.zeros(n) if q is None else q, -np.inf, np.zeros(n), point, np.log(FIRST_STEP))


def _noise(rng: np.random.Generator, size: int, gain: np.ndarray) -> Noise:
    count = len(gain)
    length = np.pi / 2 * rng.uniform(0.75, 1.25, count)
    return Noise(rng.normal(size=(count, size)), np.log(rng.random(count)), length, gain)


def sample(target: Target, fit: MarginalFit, settings: Settings, progress: Progress) -> Draws:
    """Return draws of every chain, chains in parallel threads."""
    run = prepare(target)
    rngs = generators(settings.seed, settings.chains)
    tasks = [partial(_chain, run, target, fit, settings, rng, progress) for rng in rngs]
    point, stats = stack(in_threads(tasks, settings.cores, progress))
    facts = {"step_size": stats["step_size"].mean(1).tolist(), "target_accept": accept(settings, target)}
    return Draws(point, stats, "hmc", facts)


def _chain(
    run: Any,
    target: Target,
    fit: MarginalFit,
    settings: Settings,
    rng: np.random.Generator,
    progress: Progress,
) -> Any:
    density = target.density
    theta = fit.sample[rng.choice(len(fit.weight), p=fit.weight)]
    q = np.append(np.linalg.solve(fit.root, theta - fit.mean), rng.normal(size=density.n_latent))
    state = to_device(_blank(target, q))
    fixed = to_device((fit.mean, fit.root, accept(settings, target)))

    def advance(state: State, gain: np.ndarray) -> Any:
        progress.check()
        with double():
            return run(target.data, *fixed, state, _noise(rng, target.size, gain))

    warm = CHUNK * max(1, round(settings.warmup / CHUNK))
    gains = (1 + np.arange(warm)) ** -0.6
    log_steps = []
    for i in range(0, warm, CHUNK):
        state, (_, stats) = advance(state, gains[i : i + CHUNK])
        log_steps.append(np.log(np.asarray(stats["step_size"])))
        progress.warmed(CHUNK)
    settled = np.concatenate(log_steps)[warm // 2 :].mean()
    state = state._replace(log_step=to_device(settled))
    parts = []
    for i in range(0, settings.draws, CHUNK):
        state, out = advance(state, np.zeros(CHUNK))
        parts.append(keep(out, settings, min(CHUNK, settings.draws - i)))
        progress.drawn(len(parts[-1][1]["lp"]))
    return join(parts)
