"""Whether draws can be trusted: findings with evidence and remedy, for any program's draws."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import xarray as xr

from shoal.criticism.diagnosis import coverage
from shoal.criticism.diagnosis.case import Case, case_of_groups, case_of_results
from shoal.criticism.diagnosis.convergence import convergence_findings, examined, not_finite, stuck_chains
from shoal.criticism.diagnosis.curves import process_bases
from shoal.criticism.diagnosis.edges import edges
from shoal.criticism.diagnosis.findings import SEVERITIES, Diagnosis, Finding
from shoal.criticism.diagnosis.funnel import divergences, ridges
from shoal.criticism.diagnosis.misfit import misfit_by_level
from shoal.criticism.diagnosis.of_model import remarked, renamed
from shoal.criticism.diagnosis.ours import certificate, impossible_draws, on_the_way, other_move
from shoal.criticism.diagnosis.priors import location_priors, scale_priors, spikes
from shoal.criticism.diagnosis.reading import attributes, groups_of
from shoal.criticism.diagnosis.sampler import acceptance, energy, tree_depth
from shoal.criticism.diagnosis.sensitivity import prior_sensitivity
from shoal.criticism.diagnosis.zero_sum import zero_sums
from shoal.fit import files
from shoal.fit.results import Results

__all__ = ["SEVERITIES", "Diagnosis", "Finding", "diagnose"]


@runtime_checkable
class Diagnosable(Protocol):
    """What diagnoses itself, as a `Fit` does."""

    def diagnose(self) -> Diagnosis:
        """Return the findings."""


def diagnose(source: Any) -> Diagnosis:
    """Return the findings about draws from a posterior, whoever made them.

    Parameters
    ----------
    source : path, xarray.DataTree, arviz.InferenceData or Fit
        A result file of Shoal, PyMC, Stan (by ArviZ), NumPyro or any program that writes ArviZ's groups:
        netCDF of an InferenceData or a DataTree, or a Zarr store; or what such a file holds. Of Shoal's own
        fits, their files and trees the model is known, so that more can be said.

    Returns
    -------
    Diagnosis
        Findings, most serious first; ``.ok`` if there is nothing to mend, ``.trustworthy`` if there is no
        error. For other programs ``.coverage`` says what was examined, and what could not be.

    Raises
    ------
    FileError
        A file that is missing, damaged, of another kind, or without a posterior.
    ModelError
        Something that holds no draws.

    Notes
    -----
    R-hat and ESS are those of Vehtari et al. (2021), Bayesian Analysis 16, 667-718, by arviz-stats; of many
    group effects, those that look worst in a quick screen are examined, and the limit of R-hat grows with
    their number. Divergences are placed by the ranks of the standard deviations at which they happen.

    Examples
    --------
    >>> path = fit.save("trace.nc")
    >>> sl.diagnose(path).trustworthy
    True
    """
    if isinstance(source, Results):
        return _judge(case_of_results(source))
    if isinstance(source, Diagnosable):
        return source.diagnose()
    if isinstance(source, str | Path) and attributes(Path(source)).get("inference_library") == "shoal":
        return _judge(case_of_results(files.load(source)))
    if isinstance(source, xr.DataTree) and _is_ours(source):
        return _judge(case_of_results(files.results_of(source)))
    return _judge(case_of_groups(groups_of(source)))


def _is_ours(tree: xr.DataTree) -> bool:
    """Whether a tree is that of a fit of Shoal; one of some of its groups is taken as any program's."""
    return tree.attrs.get("inference_library") == "shoal" and "constant_data" in tree.children


def _judge(case: Case) -> Diagnosis:
    if found := impossible_draws(case):
        return Diagnosis(tuple(found), "Nothing else was examined.")
    seen = examined(case)
    found = [f for rule in _CAUSES for f in rule(case)] + stuck_chains(case, seen)  # causes before symptoms
    caused = any(f.severity == "error" for f in found)
    findings, summary = convergence_findings(case, seen, caused)
    found += findings + not_finite(case, seen)
    found += [f for rule in _RULES for f in rule(case)]
    found.sort(key=_severity)
    if case.results is not None:
        return Diagnosis(
            tuple(found), summary, agreement=case.certificate.agreement if case.certificate else ""
        )
    return Diagnosis(
        tuple(found), summary, case.source, coverage.looked_at(case, seen), coverage.not_looked_at(case)
    )


def _severity(finding: Finding) -> int:
    return SEVERITIES.index(finding.severity)


_CAUSES: tuple[Callable[[Case], list[Finding]], ...] = (zero_sums, spikes, divergences, ridges)
_RULES: tuple[Callable[[Case], list[Finding]], ...] = (
    energy,
    tree_depth,
    acceptance,
    certificate,
    other_move,
    scale_priors,
    remarked,
    renamed,
    process_bases,
    edges,
    location_priors,
    prior_sensitivity,
    misfit_by_level,
    on_the_way,
)
"""Each finding appears when its cause does, and only then."""
