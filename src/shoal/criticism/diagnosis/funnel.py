"""Where trajectories diverge: below which standard deviation, among which effects.

Given its standard deviation s, an effect of few data has a posterior as narrow as s: in (log s, effect) the
posterior is a funnel, whose neck asks for steps far smaller than its mouth. Neal (2003), Annals of
Statistics 31, 705-767; Betancourt and Girolami (2015), arXiv:1312.0906. Effects in units of s have the
opposite trouble where data are many: only their product with s is known, which is a ridge.
"""

from __future__ import annotations

import numpy as np

from shoal.criticism.diagnosis.case import Case, plain
from shoal.criticism.diagnosis.findings import Finding
from shoal.criticism.diagnosis.scales import Scale
from shoal.engine.checks import LEAST_ESS

CHANCE = 1e-3  # that divergences of no place look placed, over all scales; fewer than four cannot
LOW = 0.35  # mean rank of divergences, among the other draws, that is low enough to name a neck
NARROWER = 0.8  # of the usual standard deviation: less than that makes no neck
RIDGE = -0.9  # correlation of log s and the log spread of effects in units of s, that makes a ridge


def divergences(case: Case) -> list[Finding]:
    """Report trajectories that left the posterior, and where they are if they have a place."""
    diverging = case.statistic("diverging")
    if diverging is None:
        return []
    diverging = np.nan_to_num(np.asarray(diverging, float)).astype(bool)  # of some chains it may not be known
    if not diverging.any():
        return []
    counted = Finding(
        "divergences",
        "error",
        f"{int(diverging.sum())} of {diverging.size:,} trajectories diverged: part of the posterior is "
        "out of their reach.",
        case.remedy(
            "Priors that hold what the data leave open; target_accept=0.99 helps only if there are few.",
            "More draws do not help. Change the coordinates of the effects; a higher target_accept helps "
            "only if there are few.",
            "Use coordinates='auto': those chosen do not suit these data.",
        ),
    )
    return [*_placed(case, diverging), counted]


def _placed(case: Case, diverging: np.ndarray) -> list[Finding]:
    """Return the finding that names the scale whose low (or high) values divergences go with."""
    runs = int(diverging[:, 0].sum() + (diverging[:, 1:] & ~diverging[:, :-1]).sum())
    if diverging.all() or not case.scales:
        return []
    ranks = [_mean_rank(scale.draws, diverging) for scale in case.scales]
    scores = np.array([(0.5 - rank) * np.sqrt(12 * runs) for rank in ranks])  # the mean of uniform ranks
    low, high = int(scores.argmax()), int(scores.argmin())
    if _beyond_chance(scores[low], len(ranks)) and ranks[low] < LOW and scores[low] >= -scores[high]:
        scale = case.scales[low]
        return [_neck(case, scale, diverging)] if _ratio(scale, diverging) < NARROWER else []
    if _beyond_chance(-scores[high], len(ranks)) and ranks[high] > 1 - LOW:
        scale = case.scales[high]
        return [_mouth(case, scale, diverging)] if _ratio(scale, diverging) > 1 / NARROWER else []
    return []


def _ratio(scale: Scale, diverging: np.ndarray) -> float:
    """Return the median scale of divergences over that of the other draws."""
    return float(np.median(scale.draws[diverging]) / np.median(scale.draws[~diverging]))


def _mean_rank(draws: np.ndarray, diverging: np.ndarray) -> float:
    """Return the mean share of sound draws that lie below the divergent ones."""
    sound = np.sort(draws[~diverging])
    return float(np.searchsorted(sound, draws[diverging]).mean() / len(sound))


def _beyond_chance(score: float, count: int) -> bool:
    from scipy.stats import norm

    return bool(norm.sf(score) * 2 * count < CHANCE)


def _neck(case: Case, scale: Scale, diverging: np.ndarray) -> Finding:
    there, elsewhere = np.median(scale.draws[diverging]), np.median(scale.draws[~diverging])
    quarter = np.quantile(scale.draws[~diverging], 0.25)
    below = float((scale.draws[diverging] < quarter).mean())
    return Finding(
        "funnel",
        "error",
        f"Divergences sit where {scale.name} is small: {100 * below:.0f}% of them below {plain(quarter)}, "
        f"the lower quarter of the others. Their median is {plain(there)} (log {np.log(there):.2f}), "
        f"elsewhere {plain(elsewhere)} (log {np.log(elsewhere):.2f}).{_squeezed(scale, diverging)}",
        case.remedy(
            f"A prior that keeps {scale.name} off zero, if that is known; else target_accept=0.99.",
            _rewritten(scale),
            "Use coordinates='auto', which follow the effects' own spread.",
        ),
    )


def _squeezed(scale: Scale, diverging: np.ndarray) -> str:
    """Return a sentence on what the effects do in the neck."""
    if scale.values is None or scale.levels < 2:
        return ""
    spread = np.median(scale.values[diverging].std(-1)), np.median(scale.values[~diverging].std(-1))
    return (
        f" There the {scale.levels} values of {scale.effects} (over {scale.over}) lie {plain(spread[0])} "
        f"apart (sd), elsewhere {plain(spread[1])}: the neck of a funnel."
    )


def _rewritten(scale: Scale) -> str:
    """Return how the effects should be written instead."""
    if scale.units:
        return (
            f"{scale.effects} is in units of {scale.name} already (non-centered): keep {scale.name} off zero "
            'by its prior, or fit the model with Shoal, `sl.Model("y ~ 1 + (1 | group)", data)`, which needs '
            "no such choice."
        )
    effects = scale.effects or "effects"
    over = scale.over if scale.over.isidentifier() and "_dim_" not in scale.over else "group"
    return (
        f"Write them non-centered: z ~ Normal(0, 1) for each level, {effects} = mean + {scale.name} * z. "
        f'Or fit the model with Shoal, `sl.Model("y ~ 1 + (1 | {over})", data)`, which needs no such choice.'
    )


def _mouth(case: Case, scale: Scale, diverging: np.ndarray) -> Finding:
    there, elsewhere = np.median(scale.draws[diverging]), np.median(scale.draws[~diverging])
    centered = (
        f"The data know each level of {scale.effects} well: sample the effects themselves, centered, not in "
        f"units of {scale.name}."
    )
    return Finding(
        "far-tail",
        "error",
        f"Divergences sit where {scale.name} is large: their median is {plain(there)} (log "
        f"{np.log(there):.2f}), elsewhere {plain(elsewhere)} (log {np.log(elsewhere):.2f}).",
        case.remedy(
            f"A prior of {scale.name} with a lighter tail.",
            centered if scale.units else f"A prior of {scale.name} with a lighter tail.",
            "Use coordinates='auto', which follow the effects' own spread.",
        ),
    )


def ridges(case: Case) -> list[Finding]:
    """Report effects in units of a standard deviation that the data tie to it, if the sampler suffers."""
    from arviz_stats.base import array_stats

    findings = []
    for scale in case.scales:
        if scale.along > RIDGE:
            continue
        ess = float(array_stats.ess(scale.draws, method="bulk"))
        if ess >= LEAST_ESS * case.chains:
            continue
        findings.append(
            Finding(
                "ridge",
                "error",
                f"{scale.effects} (over {scale.over}) is in units of {scale.name}, and its spread falls as "
                f"{scale.name} rises (correlation of logarithms {scale.along:.2f}): the {scale.levels} "
                f"levels are known well, so the data hold {scale.name} times {scale.effects} and neither "
                f"alone. {scale.name} has {ess:.0f} effective draws.",
                f"Sample the effects themselves, centered: effects ~ Normal(mean, {scale.name}). Or fit the "
                "model with Shoal, which chooses by itself.",
            )
        )
    return findings
