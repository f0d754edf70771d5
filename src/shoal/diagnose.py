"""Can a fit be trusted? Findings with evidence and remedy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from shoal.design import Design, Group
from shoal.errors import listing
from shoal.priors import Normal
from shoal.results import Results
from shoal.sample.checks import LEAST_BFMI, LEAST_ESS, bfmi, convergence, rhat_limit, screen

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing to know about a fit.

    Attributes
    ----------
    code : str
    severity : {"error", "warning", "note"}
        An error means the draws cannot be trusted; a warning that a conclusion needs care.
    evidence, remedy : str
    """

    code: str
    severity: str
    evidence: str
    remedy: str

    def __str__(self) -> str:
        return f"[{self.severity}] {self.code}: {self.evidence}\n    {self.remedy}"


@dataclass(frozen=True)
class Diagnosis:
    """All findings, most serious first."""

    findings: tuple[Finding, ...]
    examined: str

    @property
    def ok(self) -> bool:
        """No error and no warning; notes do not count."""
        return all(f.severity == "note" for f in self.findings)

    @property
    def trustworthy(self) -> bool:
        """No error: the draws can be used, with care where there are warnings."""
        return all(f.severity != "error" for f in self.findings)

    @property
    def verdict(self) -> str:
        """One line."""
        if not self.trustworthy:
            return f"Do not trust these draws. {self.examined}"
        if not self.ok:
            return f"The draws are sound; mind the warnings. {self.examined}"
        return f"The draws can be trusted. {self.examined}"

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __str__(self) -> str:
        return "\n".join([self.verdict, *map(str, self.findings)])


def diagnose(results: Results) -> Diagnosis:
    """Return the findings about a fit.

    R-hat and ESS are those of Vehtari et al. (2021), Bayesian Analysis 16, 667-718, by arviz-stats; of many
    group effects, those that look worst in a quick screen are examined.
    """
    convergence, examined = _convergence(results)
    findings = list(convergence)
    for rule in _RULES:
        findings += rule(results)
    findings.sort(key=lambda f: SEVERITIES.index(f.severity))
    return Diagnosis(tuple(findings), examined)


def _convergence(results: Results) -> tuple[list[Finding], str]:
    names, values = _examined(results)
    if not names:
        return [], "Every parameter is fixed."
    chains = values.shape[1]
    rhat, ess = convergence(values)
    size = sum(int(np.prod(array.shape[2:])) for array in results.posterior.data_vars.values())
    limit = rhat_limit(chains, values.shape[2], size)
    findings = []
    if (bad := np.flatnonzero(rhat > limit)).size:
        shown = listing(f"{names[i]} {rhat[i]:.3f}" for i in bad[np.argsort(-rhat[bad])])
        findings.append(
            Finding("rhat", "error", f"R-hat above {limit:.3g}: {shown}.", "Chains disagree: draw more.")
        )
    if (bad := np.flatnonzero(ess < LEAST_ESS * chains)).size:
        shown = listing(f"{names[i]} {ess[i]:.0f}" for i in bad[np.argsort(ess[bad])])
        findings.append(
            Finding(
                "ess",
                "error",
                f"Effective sample size below {LEAST_ESS} a chain: {shown}.",
                "Draw more; intervals and tails are not yet stable.",
            )
        )
    if chains == 1:
        findings.append(
            Finding("one-chain", "note", "One chain: R-hat cannot compare chains.", "Fit with chains=4.")
        )
    what = f"worst R-hat {rhat.max():.3f}, " if chains > 1 else ""
    total = values.shape[1] * values.shape[2]
    return findings, f"({len(names)} quantities: {what}worst ESS {ess.min():.0f} of {total:,} draws.)"


def _examined(results: Results) -> tuple[list[str], np.ndarray]:
    """Return names and draws (V, chains, draws) of all varying hyperparameters and the worst effects."""
    names: list[str] = []
    parts: list[np.ndarray] = []
    for name, array in results.posterior.data_vars.items():
        flat = np.moveaxis(array.values.reshape(*array.shape[:2], -1), -1, 0)
        chosen = screen(flat) if name in results.model.group_effects else np.arange(len(flat))
        flat = flat[chosen].astype(float)
        varying = np.ptp(flat, axis=(1, 2)) > 0
        names += [_scalar_name(str(name), array, int(i)) for i in chosen[varying]]
        parts.append(flat[varying])
    return names, np.concatenate(parts) if parts else np.zeros((0, 1, 1))


def _scalar_name(name: str, array: xr.DataArray, position: int) -> str:
    """Return the name of one scalar of a variable, such as ``r_district[7, Intercept]``."""
    dims, shape = array.dims[2:], array.shape[2:]
    where = zip(dims, np.unravel_index(position, shape), strict=True)
    labels = ", ".join(str(array[dim].values[i]) for dim, i in where)
    return f"{name}[{labels}]" if labels else name


def _divergences(results: Results) -> list[Finding]:
    diverging = results.stats["diverging"].values
    if not diverging.any():
        return []
    return [
        Finding(
            "divergences",
            "error",
            f"{int(diverging.sum())} of {diverging.size:,} trajectories diverged: part of the posterior is "
            "out of their reach.",
            "Use coordinates='auto'; if they were chosen by you, they do not suit these data.",
        )
    ]


def _energy(results: Results) -> list[Finding]:
    if "energy" not in results.stats or results.stats.sizes["draw"] < 3:
        return []
    worst = bfmi(results.stats["energy"].values).min()
    if worst >= LEAST_BFMI:
        return []
    return [
        Finding(
            "energy",
            "warning",
            f"E-BFMI {worst:.2f}, below {LEAST_BFMI}: momenta move the energy too slowly.",
            "A heavy tail; a tighter prior on the standard deviations usually mends it.",
        )
    ]


def _run(results: Results) -> list[Finding]:
    """Report what happened on the way, as the run wrote it down."""
    notes = json.loads(results.attrs["notes"])
    return [Finding("run", "note", note, "Nothing to do if the checks above are met.") for note in notes]


def _certificate(results: Results) -> list[Finding]:
    k = json.loads(results.attrs["sampler_facts"]).get("pareto_k")
    if results.attrs["sampler"] != "independence" or k is None or k <= 0.5:
        return []
    return [
        Finding(
            "pareto-k",
            "warning",
            f"Pareto k of the proposals' weights is {k:.2f}: a tail of the hyperparameters is thinly "
            "covered.",
            "Compare with sampler='hmc'.",
        )
    ]


def _intercept_prior(results: Results) -> list[Finding]:
    """Report how much of what is said of the population mean comes from its prior.

    Information of a normal prior and of the data add up, so the prior's share is the posterior variance over
    the prior variance.
    """
    return [found for design in results.model.designs for found in _intercept_share(results, design)]


def _intercept_share(results: Results, design: Design) -> list[Finding]:
    if "Intercept" not in design.terms:
        return []
    name = design.columns[design.terms.index("Intercept")]
    given, groups = results.model.priors[name], [g for g in design.groups if "Intercept" in g.effects]
    if given.default or not isinstance(given.prior, Normal) or not groups or any(g.zero_sum for g in groups):
        return []
    posterior = results.posterior
    share = float(posterior[name].var()) / given.prior.sigma**2
    if share < 0.1:
        return []
    group = min(groups, key=_level_count)  # fewest levels: what locates the mean least
    sd = float(posterior[group.sd].values[..., group.effects.index("Intercept")].mean())
    spread, levels = sd / np.sqrt(len(group.labels)), len(group.labels)
    return [
        Finding(
            "intercept-prior",
            "warning" if share > 0.5 else "note",
            f"The prior {given.prior} carries {100 * min(share, 1):.0f}% of the information about the "
            f"{name}: the {levels} levels of {group.name} differ by sd {sd:.3g}, so they locate the "
            f"population mean only to about ±{spread:.2g}.",
            "If the prior is not meant that firmly, widen it, e.g. "
            f"Normal({given.prior.mu:g}, {2.5 * max(sd, given.prior.sigma):.2g}).",
        )
    ]


def _level_count(group: Group) -> int:
    return len(group.labels)


def _finite_mean(results: Results) -> list[Finding]:
    return [
        Finding(
            "finite-population",
            "note",
            f"{group.name} is zero-sum: the Intercept is the mean of these {len(group.labels)} levels, "
            "and its interval says nothing about a population they come from.",
            "For the population's mean drop zero_sum.",
        )
        for group in results.model.groups
        if group.zero_sum
    ]


_RULES: tuple[Callable[[Results], list[Finding]], ...] = (
    _divergences,
    _energy,
    _certificate,
    _intercept_prior,
    _finite_mean,
    _run,
)
