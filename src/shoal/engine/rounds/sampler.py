"""Sample theta and the coefficients from their marginal density, then the effects given each draw.

The marginal is explored as any other (`mode`, `mixture`, `proposals`), in batches, and sampled by an
independence sampler (Tierney 1994, Annals of Statistics 22, 1701-1728). Its proposals do not depend on the
chains: so they are evaluated together, hundreds a round, and what is left of a chain is to accept or refuse.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from shoal.engine import mixture, mode
from shoal.engine.blocks import Take
from shoal.engine.convergence import tail_of
from shoal.engine.evaluate import DEAR, Target
from shoal.engine.moves import Output
from shoal.engine.problem import ZERO
from shoal.engine.progress import Progress
from shoal.engine.proposals import COSTLY, MarginalFit, follow, thinning
from shoal.engine.rounds import corrected
from shoal.engine.rounds.corrected import Integral
from shoal.engine.rounds.marginal import Marginal
from shoal.engine.rounds.parts import Extent
from shoal.engine.rules import Rule
from shoal.engine.settings import Chains, Settings, generators
from shoal.errors import counted

# Rules by the number of a unit's effects, each finer than the one before.
RULES = {
    1: [Rule("hermite", size) for size in (5, 7, 9, 13, 19, 27)] + [Rule("sinh", 51), Rule("sinh", 101)],
    2: [Rule("hermite", size) for size in (3, 5, 7, 9, 13, 19)],
    3: [Rule("hermite", size) for size in (3, 5, 7, 9, 13)],
}
RANDOM = [Rule("random", size) for size in (64, 256, 1024, 4096)]  # of more effects
# Standard deviation over the posterior of what a rule says too much or too little of the log density, in
# units of the Monte Carlo error of independent draws: a mean is off by no more than that.
EXACT_ENOUGH = 0.3
JUDGED = 12  # points at which rules are compared
ROUND = 512  # points of a round, where they are dear
EFFECTS_AT_ONCE = 30_000_000  # effects that a round of draws brings back, at most
OPERATIONS = 15.0  # of a row at a node
NEWTON = 6  # passes over a unit's rows that its mode takes


class Judged(NamedTuple):
    """A rule, and the standard deviation over some points of its difference to the next one."""

    rule: Rule
    error: float


def rules_of(d: int) -> list[Rule]:
    """Return the rules for units of up to d effects, from the coarsest to the finest."""
    return RULES.get(max(d, 1), RANDOM)


def sample(
    marginal: Marginal,
    elements: np.ndarray,
    kept: int,
    settings: Settings,
    progress: Progress,
    take: Take | None = None,
) -> Chains:
    """Return draws of every chain.

    Parameters
    ----------
    elements : (E,) int array
        Elements of (v, x) that are made.
    kept : int
        How many of them, the first, are kept.
    take : callable, optional
        Is given the number of a chain, some of its draws in turn, and all that was made of them.

    Raises
    ------
    SamplingError
        If the density is zero where it should not be, or the run is interrupted.
    """
    progress.stage("exploring")
    extents = marginal.holder.extents()
    widest, lines = max(part.widest for part in extents), sum(part.lines for part in extents)
    rules = rules_of(widest)
    rng = np.random.default_rng([settings.seed, 1])
    center, root = mode.find(
        lambda x: marginal.log_density(x, rules[0]), marginal.target.start, mode.FEW_STEPS
    )
    enough = EXACT_ENOUGH / np.sqrt(settings.chains * settings.draws)
    judged = _judge(marginal, center + rng.normal(size=(JUDGED, len(center))) @ root.T, rules, enough)
    cost = _cost(judged.rule, widest, lines)
    integral = corrected.plain(judged.rule, center, root)
    if cost > DEAR:
        coarser = [corrected.LAPLACE, *rules[: rules.index(judged.rule)]]
        integral, center, root = corrected.find(marginal, judged.rule, coarser, center, root, rng, enough)
        cost = _cost(integral.rule, widest, lines)
    dear = cost > COSTLY
    pilot = mixture.SMALL_PILOT if dear else settings.pilot
    fit = follow(mixture.fit(lambda x: integral.log_density(marginal, x), center, root, rng, pilot, dear))
    progress.stage("sampling")
    per = thinning(fit.acceptance, cost)
    theta, stats = _chains(marginal, integral, fit, per, settings, ROUND if cost > DEAR else 8 * ROUND)
    points = _elements(marginal, extents, theta, elements, kept, settings, take)
    which = rng.choice(theta.shape[0] * theta.shape[1], JUDGED)
    some = theta.reshape(-1, theta.shape[2])[which]
    place = min(rules.index(judged.rule), len(rules) - 2)
    # The next finer rule; of the finest one the rule before, which is no better.
    finer = rules[place + 1]
    used = integral if integral.exact != finer else corrected.plain(rules[place], center, root)
    error = float(np.std(used.log_density(marginal, some) - marginal.log_density(some, finer)))
    facts = {
        "proposals_per_draw": per,
        "efficiency": fit.efficiency,
        "pareto_k": tail_of(fit.weight),
        "rule": str(integral),
        "integration_error": error,
    }
    return Chains(theta, points, stats, "quadrature", facts | marginal.facts(), fit=fit)


def _cost(rule: Rule, d: int, lines: int) -> float:
    """Return about how many operations a point costs."""
    return OPERATIONS * lines * (len(rule.points(d)[0]) + NEWTON)


def _judge(marginal: Marginal, thetas: np.ndarray, rules: list[Rule], enough: float) -> Judged:
    """Return the first rule that is exact enough at these points, else the finest."""
    before, error = marginal.log_density(thetas, rules[0]), np.inf
    for rule, finer in zip(rules[:-1], rules[1:], strict=True):
        after = marginal.log_density(thetas, finer)
        error = float(np.std(before - after))
        if error < enough:
            return Judged(rule, error)
        before = after
    return Judged(rules[-1], error)


def _chains(
    marginal: Marginal, integral: Integral, fit: MarginalFit, per: int, settings: Settings, together: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return draws of theta, (chains, draws, T), and statistics."""
    chains, each = settings.chains, settings.draws * settings.thin * per
    rngs = generators(settings.seed, chains)
    begin = np.stack([fit.sample[rng.choice(len(fit.weight), p=fit.weight)] for rng in rngs])
    proposed = np.stack([fit.proposal.draw(rng, each) for rng in rngs])
    thetas = np.concatenate([begin[:, None], proposed], axis=1)
    flat = thetas.reshape(-1, thetas.shape[2])
    value = np.concatenate(
        [integral.log_density(marginal, flat[i : i + together]) for i in range(0, len(flat), together)]
    )
    lp = value.reshape(chains, each + 1)
    ratio = lp - fit.proposal.log_density(flat).reshape(chains, each + 1)
    at, accepted = np.empty((chains, each), np.int64), np.empty((chains, each))
    for chain, rng in enumerate(rngs):
        now, uniform = 0, np.log(1.0 - rng.random(each))
        for i in range(each):
            change = ratio[chain, i + 1] - ratio[chain, now]
            accepted[chain, i] = np.exp(min(change, 0.0))
            now = i + 1 if uniform[i] < change else now
            at[chain, i] = now
    kept = np.arange(settings.draws) * settings.thin * per + settings.thin * per - 1
    which, own = at[:, kept], np.arange(chains)[:, None]
    rate = accepted.reshape(chains, settings.draws, -1).mean(2)
    stats: dict[str, np.ndarray] = {
        "lp": lp[own, which],
        "acceptance_rate": rate,
        "diverging": np.zeros(rate.shape, bool),
        "n_steps": np.zeros(rate.shape, int),
        "step_size": np.zeros(rate.shape),
    }
    return thetas[own, which], stats


def _elements(
    marginal: Marginal,
    extents: Sequence[Extent],
    theta: np.ndarray,
    elements: np.ndarray,
    kept: int,
    settings: Settings,
    take: Take | None,
) -> np.ndarray:
    """Return the elements of (v, x) that are kept at each draw, effects drawn where their rows are."""
    target, (chains, draws, size) = marginal.target, theta.shape
    hs, n = target.values(theta.reshape(-1, size)), target.n_effects
    out = np.empty((len(hs), kept), np.float32 if settings.single else np.float64)
    wanted = _need_effects(target, elements)
    drawn = max(sum(len(part.places) for part in extents), 1) if wanted else 1
    together = int(np.clip(EFFECTS_AT_ONCE // drawn, 1, ROUND))
    for number, i in enumerate(range(0, len(hs), together)):
        here = slice(i, i + together)
        xs = np.zeros((len(hs[here]), n))
        if wanted:
            effects = marginal.draw(hs[here], (settings.seed, 5, number), settings.single)
            for part, values in zip(extents, effects, strict=True):
                xs[:, part.places] = values
        points = target.elements(hs[here], xs, elements)
        out[here] = points[:, :kept]
        if take is not None:
            for chain, at in _by_chain(i, i + len(xs), draws):
                own = slice(chain * draws + at.start - i, chain * draws + at.stop - i)
                take(chain, at, Output(theta[chain, at], points[own], np.empty((at.stop - at.start, 0))))
        marginal.progress.drawn(len(xs))
    return out.reshape(chains, draws, kept)


def _by_chain(begin: int, end: int, draws: int) -> Iterator[tuple[int, slice]]:
    """Yield the chains that a run of draws is of, one chain's after the other's, and which draws of each."""
    for chain in range(begin // draws, -(-end // draws)):
        first = chain * draws
        yield chain, slice(max(begin - first, 0), min(end - first, draws))


def _need_effects(target: Target, elements: np.ndarray) -> bool:
    """Return whether any of these elements of (v, x) depends on an effect that levels have."""
    scales = target.problem.scales
    element = np.repeat(np.arange(len(scales.constant)), np.diff(scales.start))
    live = scales.place != ZERO
    depends = np.zeros(len(scales.constant) + target.n_effects, bool)
    depends[element[live]] = True
    depends[len(scales.constant) + scales.effect[live].astype(np.int64)] = True
    return bool(depends[elements].any())


def facts_in_words(facts: dict[str, Any]) -> str:
    """Return what rounds to rows elsewhere cost, as a note of the run."""
    sent, received = facts["bytes_sent"] / 1e6, facts["bytes_received"] / 1e6
    again = f" {counted(facts['parts_made_again'], 'part')} of lost workers were made again elsewhere."
    return (
        f"{facts['rounds']} rounds to the rows, of {facts['points']:,} points in all, took "
        f"{facts['seconds_a_round']:.2g} s each; {sent:,.2f} MB were sent and {received:,.2f} MB received."
        + (again if facts["parts_made_again"] else "")
    )
