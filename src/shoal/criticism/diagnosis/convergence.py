"""Whether chains have found one and the same distribution, and have draws enough to describe it.

R-hat and ESS are those of Vehtari et al. (2021), Bayesian Analysis 16, 667-718, by arviz-stats. Of
variables with many entries, those that look worst in a quick screen are examined.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from shoal.criticism.diagnosis.case import Case
from shoal.criticism.diagnosis.findings import Finding
from shoal.engine.checks import EXAMINED, FEWEST, LEAST_ESS, rhat_limit, screen
from shoal.engine.convergence import examined as measured
from shoal.engine.other_move import limit
from shoal.errors import listing
from shoal.fit.results import scalar_name

FEW_DRAWS = 20  # fewer say nothing of how they depend on each other: chains are split into halves
FEW_VALUES = 10  # that a discrete quantity takes; it may rest for a whole chain
STILL = 10  # rounding errors of the largest value: a quantity that moves by no more does not move
BELONGS = "Goes with the errors above: mend those first, for more draws alone will not help."
APART = 3.0  # standard deviations between a chain and the others


@dataclass(frozen=True)
class Examined:
    """The scalars that the checks of convergence look at.

    Attributes
    ----------
    names : list of str
    values : (V, chains, draws) array
    variables : list of str
        The variable each belongs to.
    unknown : tuple of str
        Variables with draws that are not finite.
    total : int
        Scalars that vary, of which these are those that look worst.
    """

    names: list[str]
    values: np.ndarray
    variables: list[str]
    unknown: tuple[str, ...]
    total: int


def examined(case: Case) -> Examined:
    """Return every varying hyperparameter, and the entries of large variables that look worst."""
    names, variables, unknown = list[str](), list[str](), list[str]()
    parts, total = [], 0
    effects = case.model.group_effects if case.model else None
    for name, array in case.posterior.data_vars.items():
        flat = np.moveaxis(array.values.reshape(*array.shape[:2], -1), -1, 0)
        moves, finite = _state(flat)
        if not finite.all():
            unknown.append(str(name))
        moving = np.flatnonzero(moves)
        total += len(moving)
        if effects is None or name in effects:
            moving = moving[screen(flat if moves.all() else flat[moving])]
        names += [scalar_name(str(name), array, int(i)) for i in moving]
        variables += [str(name)] * len(moving)
        parts.append(flat[moving].astype(float))
    values = np.concatenate(parts) if parts else np.zeros((0, 1, 1))
    return Examined(names, values, variables, tuple(unknown), total)


def _state(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which of (V, chains, draws) values vary by more than rounding, and which are all finite."""
    high, low = (bound(values, axis=(1, 2)).astype(float) for bound in (np.max, np.min))
    finite = np.isfinite(high) & np.isfinite(low)
    eps = float(np.finfo(values.dtype).eps) if values.dtype.kind == "f" else 0.0
    size = np.where(finite, np.maximum(np.abs(high), np.abs(low)), 0.0)
    moved = np.where(finite, high, 0.0) - np.where(finite, low, 0.0)
    return moved > STILL * eps * size, finite


def convergence_findings(case: Case, seen: Examined, caused: bool) -> tuple[list[Finding], str]:
    """Return findings on R-hat and effective sample size, and the line that says what was examined.

    Parameters
    ----------
    caused : bool
        A cause was found already; more draws would not mend it.
    """
    if not seen.names:
        nothing = "Nothing could be examined: every variable has draws that are not finite."
        return [], nothing if seen.unknown else "Every parameter is fixed."
    count = "1 quantity" if seen.total == 1 else f"{seen.total:,} quantities"
    if seen.total > len(seen.names):
        count += f", the {len(seen.names)} that look worst examined"
    if case.draws < FEW_DRAWS:
        few = Finding(
            "few-draws",
            "error",
            f"{case.draws} draws a chain: nothing can be said of convergence.",
            "Keep at least 400 draws of each chain.",
        )
        return [few], f"({count}.)"
    rhat, bulk, tail, halves = measured(seen.values)
    ess = np.minimum(bulk, tail)
    findings = _rhat(case, seen, rhat, caused) + _ess(case, seen, ess, caused)
    findings += [] if findings else _halves(seen, halves, caused)
    if case.chains == 1:
        findings.append(
            Finding("one-chain", "note", "One chain: R-hat cannot compare chains.", "Fit with chains=4.")
        )
    what = f"worst R-hat {rhat.max():.3f}, " if case.chains > 1 else ""
    total = case.chains * case.draws
    worst = min(ess.min(), total)  # chains that swing to and fro have more
    return findings, f"({count}: {what}worst ESS {worst:.0f} of {total:,} draws.)"


def _limit_of_rhat(case: Case) -> float:
    """Return the R-hat above which chains disagree.

    In runs too short for 1.01 the worst of a few sound quantities passes it by chance, too.
    """
    size = sum(int(np.prod(array.shape[2:])) for array in case.posterior.data_vars.values())
    return rhat_limit(case.chains, case.draws, max(size, EXAMINED + 1) if case.draws < FEWEST else size)


def _rhat(case: Case, seen: Examined, rhat: np.ndarray, caused: bool) -> list[Finding]:
    limit = _limit_of_rhat(case)
    bad = np.flatnonzero(rhat > limit)
    if not bad.size:
        return []
    bad = bad[np.argsort(-rhat[bad])]
    shown = listing(f"{seen.names[i]} {rhat[i]:.3f}" for i in bad)
    remedy = BELONGS if caused else "Chains disagree: draw more."
    return [Finding("rhat", "error", f"R-hat above {limit:.3g}: {shown}.", remedy)]


def _ess(case: Case, seen: Examined, ess: np.ndarray, caused: bool) -> list[Finding]:
    """Report each variable's worst quantity: its ESS in the bulk and in the tails (5% and 95%)."""
    from arviz_stats.base import array_stats

    bad = np.flatnonzero(ess < LEAST_ESS * case.chains)
    if not bad.size:
        return []
    bad = bad[np.argsort(ess[bad])]
    worst = {seen.variables[i]: int(i) for i in bad[::-1]}
    worst = dict(sorted(worst.items(), key=lambda pair: ess[pair[1]]))
    parts = []
    for variable, i in worst.items():
        values = seen.values[i]
        bulk, tail = (array_stats.ess(values, method=m, prob=p) for m, p in (("bulk", None), ("tail", 0.9)))
        also = sum(seen.variables[j] == variable for j in bad) - 1
        more = f" and {also} more of {variable}" if also else ""
        parts.append(f"{seen.names[i]} (bulk {bulk:.0f}, tail {tail:.0f}){more}")
    return [
        Finding(
            "ess",
            "error",
            f"Effective sample size below {LEAST_ESS} a chain: {listing(parts)}.",
            BELONGS if caused else "Draw more; intervals and tails are not yet stable.",
        )
    ]


def _halves(seen: Examined, halves: np.ndarray, caused: bool) -> list[Finding]:
    """Report the quantity whose mean moves most from the chains' first to their second halves.

    R-hat sees the same only where it is large against the posterior, not against its Monte Carlo error.
    """
    worst, most = int(halves.argmax()), limit(seen.total)
    if not halves[worst] > most:
        return []
    return [
        Finding(
            "halves",
            "error",
            f"The first and second halves of the chains differ in {seen.names[worst]}, by "
            f"{halves[worst]:.1f} Monte Carlo errors ({most:.1f} allowed).",
            BELONGS if caused else "The chains had not arrived where they began to be kept: a longer warmup.",
        )
    ]


def not_finite(case: Case, seen: Examined) -> list[Finding]:
    """Report variables with draws that are no numbers."""
    if not seen.unknown:
        return []
    counts = [(n, int((~np.isfinite(case.posterior[n].values)).sum())) for n in seen.unknown]
    shown = listing(f"{name} ({count:,} values)" for name, count in counts)
    return [
        Finding(
            "not-finite",
            "warning" if seen.names else "error",
            f"Draws that are not finite: {shown}; they were left out of all checks.",
            "If they are derived quantities, mend their formula; a parameter must have a number in each "
            "draw.",
        )
    ]


def stuck_chains(case: Case, seen: Examined) -> list[Finding]:
    """Report chains that stand still, or stay where no other chain goes."""
    if not seen.names or case.draws < FEW_DRAWS:
        return []
    still = (np.ptp(seen.values, axis=2) == 0) & _continuous(seen.values)[:, None]
    findings = []
    if (frozen := np.flatnonzero(still.any(0))).size:
        shown = listing(seen.names[i] for i in np.flatnonzero(still.any(1)))
        findings.append(
            Finding(
                "stuck-chain",
                "error",
                f"Chain {listing(_labels(case, frozen))} never moves: {shown}.",
                "Its start or its step size failed: draw again with another seed; if it comes back, the "
                "density there has no finite gradient.",
            )
        )
    elif (stuck := _longest_rests(seen.values))[0] >= max(20, case.draws // 10):
        length, chain, since = stuck
        findings.append(
            Finding(
                "stuck-chain",
                "error",
                f"Chain {_labels(case, [chain])[0]} repeats one draw {length} times, from draw {since} on.",
                "Every proposal from there was refused: smaller steps (a higher target_accept), or other "
                "coordinates.",
            )
        )
    return findings + _far_chain(case, seen)


def _continuous(values: np.ndarray) -> np.ndarray:
    """Return which of (V, chains, draws) values are not those of a discrete quantity."""
    return np.array([len(np.unique(one)) > FEW_VALUES for one in values])


def _longest_rests(values: np.ndarray) -> tuple[int, int, int]:
    """Return the most draws that are one and the same in all quantities, their chain and their first."""
    best = (0, 0, 0)
    same = (np.diff(values, axis=2) == 0).all(0)
    for chain, repeats in enumerate(same):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], repeats.astype(int), [0]])))
        for first, last in zip(edges[::2], edges[1::2], strict=True):
            best = max(best, (int(last - first) + 1, chain, int(first)))
    return best


def _far_chain(case: Case, seen: Examined) -> list[Finding]:
    """Report the chain that is farthest from the others, in units of their common spread."""
    if case.chains < 3:
        return []
    worst, at = APART, (0, 0)
    for i, chains in enumerate(seen.values):
        means = chains.mean(1)
        for c in range(case.chains):
            others = np.delete(chains, c, axis=0)
            apart = abs(means[c] - others.mean()) / max(float(others.std()), 1e-300)
            if apart > worst:
                worst, at = apart, (i, c)
    if worst <= APART:
        return []
    i, c = at
    others = np.delete(seen.values[i], c, axis=0)
    return [
        Finding(
            "far-chain",
            "error",
            f"Chain {_labels(case, [c])[0]} stays away from the others: mean of {seen.names[i]} "
            f"{seen.values[i, c].mean():.3g}, theirs {others.mean():.3g} (sd {others.std():.2g}).",
            "Draw again from other starting points: either it never arrived, or the posterior has two modes "
            "(labels that can be exchanged, effects and an intercept that trade places).",
        )
    ]


def _labels(case: Case, chains: np.ndarray | list[int]) -> list[str]:
    """Return chains as the file counts them."""
    return [
        str(case.posterior["chain"].values[c]) if "chain" in case.posterior.coords else str(c) for c in chains
    ]
