"""What of another program's draws could be examined, and what could not and why."""

from __future__ import annotations

from shoal.criticism.diagnosis import sampler
from shoal.criticism.diagnosis.case import Case
from shoal.criticism.diagnosis.convergence import Examined
from shoal.criticism.diagnosis.edges import binary_by_level, binary_responses


def looked_at(case: Case, seen: Examined) -> tuple[str, ...]:
    """Return what was examined."""
    count = len(case.posterior.data_vars)
    parts = [f"R-hat, ESS and stuck chains of {count} variables", "sums over each axis"]
    parts += [what for what, reason in _of_the_sampler(case).items() if not reason]
    if matched := [f"{s.name} of {s.effects} (over {s.over})" for s in case.scales if s.effects]:
        parts.append(f"scales {', '.join(matched)}")
    if known := [s.name for s in case.scales if s.prior is not None]:
        parts.append(f"priors of {', '.join(known)}")
    if scaled := [str(name) for name, values in case.log_prior.data_vars.items() if values.ndim == 2]:
        parts.append(f"what the priors of {', '.join(scaled)} move")
    parts += [f"{response} at its edges by {dim}" for response, dim, _, _ in binary_by_level(case)]
    return tuple(dict.fromkeys(parts))


def not_looked_at(case: Case) -> tuple[str, ...]:
    """Return what could not be examined, each with the reason."""
    reasons = {what: reason for what, reason in _of_the_sampler(case).items() if reason}
    parts = [
        f"{', '.join(what for what, own in reasons.items() if own == reason)} ({reason})"
        for reason in dict.fromkeys(reasons.values())
    ]
    if not any(s.effects for s in case.scales):
        parts.append("scales of group effects (no positive parameter goes with the spread of a vector)")
    if not case.prior.data_vars:
        parts.append("priors against data (no prior group; PyMC: sample_prior_predictive)")
    if not case.log_prior.data_vars:
        parts.append("what priors move (no log_prior group; PyMC: compute_log_prior)")
    if not case.observed.data_vars:
        parts.append("floors and ceilings (no observed_data)")
    elif binary_responses(case) and not binary_by_level(case):
        parts.append("floors and ceilings (nothing in constant_data says which level each row has)")
    if case.posterior.attrs.get("inference_library") == "shoal":
        parts.append("the model (a part of a fit of Shoal: give all of it, or its file)")
    return tuple(parts)


def _of_the_sampler(case: Case) -> dict[str, str]:
    """Return what a sampler's own statistics tell, each with the reason why they do not, or with none."""
    own = {"divergences": "" if "diverging" in case.stats else sampler.MISSING, **sampler.missing(case)}
    return own if case.stats.data_vars else dict.fromkeys(own, "no sample_stats")
