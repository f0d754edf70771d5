"""Priors that speak louder than the data, or against them.

A prior and data in conflict: Evans and Moshonov (2006), Bayesian Analysis 1, 893-914. Few groups and their
standard deviation: Gelman (2006), Bayesian Analysis 1, 515-534.
"""

from __future__ import annotations

import numpy as np

from shoal.criticism.diagnosis.case import Case, plain
from shoal.criticism.diagnosis.findings import Finding
from shoal.criticism.diagnosis.scales import Scale
from shoal.fit.results import Results
from shoal.model.design import Design, Group
from shoal.priors import Normal

TAIL = 0.01  # prior probability of all that the posterior thinks likely, below which the two conflict
ENOUGH = 200  # prior draws that can show such a probability
AWAY = 0.1  # of its median: where a prior's 1% point lies if it keeps off zero
ALIKE = 0.15  # largest distance of two distribution functions that are the same for all purposes
TINY, SPIKE = 1e-30, 0.05  # of a standard deviation's 95% quantile; share of draws below that part of it
SHARE = 0.1  # of the information on a mean, from its prior, worth a word; above half, worth a warning
NORMAL_IQR = 1.349  # interquartile range of a standard normal
TIED = 0.3  # correlation of a population mean with the mean of the effects


def spikes(case: Case) -> list[Finding]:
    """Report standard deviations much of whose posterior is a spike at zero.

    The density of Gamma(a, b) with a < 1 rises without bound there. Rows cannot tell a standard deviation of
    1e-30 from one of 1e-90: where they do not exclude the one, all of the prior's mass below it stays.
    """
    findings = []
    for scale in case.scales:
        share = float((scale.draws < TINY * np.quantile(scale.draws, 0.95)).mean())
        if share > SPIKE:
            found = Finding(
                "sd-at-zero",
                "error",
                f"{share:.0%} of the draws of {scale.name} lie below {TINY:g} of its 95% quantile. The "
                f"density of {scale.stated} rises without bound at zero, and the data do not exclude zero: "
                "the posterior has a spike there, of which draws see as much as they happen to reach.",
                "A prior whose density is finite at zero, such as HalfNormal, HalfStudentT or Exponential, "
                "on the scale of the response.",
            )
            findings.append(found)
    return findings


def scale_priors(case: Case) -> list[Finding]:
    """Report standard deviations whose prior the data contradict, or which the data say nothing about."""
    findings = []
    for scale in case.scales:
        if scale.prior is None or len(scale.prior) < ENOUGH:
            continue
        findings += _conflict(scale) or _unlearnt(scale)
    return findings


def _conflict(scale: Scale) -> list[Finding]:
    assert scale.prior is not None
    low, middle, high = np.quantile(scale.draws, [0.05, 0.5, 0.95])
    above, below = float((scale.prior > low).mean()), float((scale.prior < high).mean())
    first, centre, last = _quantiles_of(scale.prior, [0.01, 0.5, 0.99])
    if above < TAIL:
        what, side = f"less than {plain(last)}", "above"
    elif below < TAIL and first > AWAY * centre:
        what, side = f"more than {plain(first)}", "below"
    else:
        return []
    return [
        Finding(
            "sd-prior",
            "warning",
            f"{scale.name}: {scale.stated} expects {what} (99%), the data put it {side}: {plain(middle)}, "
            f"90% interval {plain(low)} to {plain(high)}. The prior and the data disagree on the scale.",
            f"Is the prior in the units of the response? One of median about {plain(middle)} would not pull.",
        )
    ]


def _quantiles_of(prior: np.ndarray, levels: list[float]) -> np.ndarray:
    """Return draws at some levels: between two of a vague prior, which may be infinite, is no number."""
    return np.quantile(prior, levels, method="inverted_cdf")


def _unlearnt(scale: Scale) -> list[Finding]:
    """Report a standard deviation between levels whose posterior is its prior over again."""
    from scipy.stats import ks_2samp

    assert scale.prior is not None
    if not scale.effects:
        return []
    distance = float(ks_2samp(scale.draws.ravel(), scale.prior).statistic)
    if distance > ALIKE:
        return []
    ours, theirs = np.quantile(scale.draws, [0.05, 0.5, 0.95]), _quantiles_of(scale.prior, [0.05, 0.5, 0.95])
    return [
        Finding(
            "sd-is-prior",
            "warning",
            f"{scale.name} is what its prior said: median {plain(ours[1])} and 90% interval "
            f"{plain(ours[0])} to {plain(ours[2])}, under {scale.stated} {plain(theirs[1])} and "
            f"{plain(theirs[0])} to {plain(theirs[2])}. {scale.levels} levels of {scale.over} are too few, "
            "or too little known, to tell how much they differ.",
            "How far the levels are pooled is then an assumption: report the prior, fit with a tighter and "
            "a wider one, and see which conclusions change; or observe more levels.",
        )
    ]


def location_priors(case: Case) -> list[Finding]:
    """Report how much of what is said of a population mean comes from its prior.

    Information of a normal prior and of the data add up, so the prior's share is the posterior variance over
    the prior variance.
    """
    if case.results is None:
        return _of_draws(case)
    results = case.results
    return [found for design in results.model.designs for found in _of_design(results, design)]


def _of_design(results: Results, design: Design) -> list[Finding]:
    if "Intercept" not in design.terms:
        return []
    name = design.columns[design.terms.index("Intercept")]
    given, groups = results.model.priors[name], [g for g in design.groups if "Intercept" in g.effects]
    if given.default or not isinstance(given.prior, Normal) or not groups or any(g.zero_sum for g in groups):
        return []
    posterior = results.posterior
    share = float(posterior[name].var()) / given.prior.sigma**2
    sds = [float(posterior[g.sd].values[..., g.effects.index("Intercept")].mean()) for g in groups]
    # The factor whose levels locate the mean least: to within sd / sqrt(levels).
    sd, group = max(zip(sds, groups, strict=True), key=_within)
    wider = f"Normal({given.prior.mu:g}, {2.5 * max(sd, given.prior.sigma):.2g})"
    return _share(name, f"The prior {given.prior}", share, sd, len(group.labels), group.name, wider)


def _within(pair: tuple[float, Group]) -> float:
    sd, group = pair
    return sd / len(group.labels) ** 0.5


def _of_draws(case: Case) -> list[Finding]:
    """Find the mean that goes with each scale's effects, and what its prior contributes."""
    findings: dict[str, Finding] = {}
    for scale in case.scales:
        if scale.values is None or scale.units:
            continue
        centre, sd = scale.values.mean(-1, dtype=float), float(scale.draws.mean())
        for name, mean in case.posterior.data_vars.items():
            if mean.ndim != 2 or mean.dtype.kind != "f" or name not in case.prior:
                continue
            draws, prior = mean.values.astype(float), case.prior[name].values.ravel()
            low, middle, high = np.quantile(prior, [0.25, 0.5, 0.75])
            if (prior > 0).all() or low == high or len(prior) < ENOUGH or not _tied(draws, centre):
                continue
            width = float(high - low) / NORMAL_IQR
            stated = f"Its prior (median {plain(middle)}, sd about {plain(width)})"
            wider = f"a sd of {2.5 * max(sd, width):.2g}"
            share = float(draws.var()) / width**2
            for found in _share(str(name), stated, share, sd, scale.levels, scale.over, wider):
                findings[str(name)] = found
    return list(findings.values())


def _tied(mean: np.ndarray, centre: np.ndarray) -> bool:
    """Return whether a parameter goes with the mean of the effects over their levels."""
    if min(np.ptp(mean), np.ptp(centre)) < 1e-9:
        return False
    return bool(np.corrcoef(mean.ravel(), centre.ravel())[0, 1] > TIED)


def _share(
    name: str, prior: str, share: float, sd: float, levels: int, over: str, wider: str
) -> list[Finding]:
    if share < SHARE:
        return []
    return [
        Finding(
            "intercept-prior",
            "warning" if share > 0.5 else "note",
            f"{prior} carries {100 * min(share, 1):.0f}% of the information about the "
            f"{name}: the {levels} levels of {over} differ by sd {sd:.3g}, so they locate the "
            f"population mean only to about ±{sd / np.sqrt(levels):.2g}.",
            f"If the prior is not meant that firmly, widen it, e.g. {wider}.",
        )
    ]
