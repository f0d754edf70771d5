"""What only Shoal's own fits tell: impossible draws, the proposals' weights, what happened on the way."""

from __future__ import annotations

import json

from shoal.criticism.diagnosis.case import Case
from shoal.criticism.diagnosis.findings import Finding
from shoal.engine.checks import MOST_ERROR, WORST_K
from shoal.fit.support import impossible


def certificate(case: Case) -> list[Finding]:
    """Report a thinly covered tail of independent proposals, and integrals that are too coarse."""
    if case.results is None or case.results.attrs["sampler"] not in ("independence", "quadrature"):
        return []
    facts = json.loads(case.results.attrs["sampler_facts"])
    k, error, found = facts.get("pareto_k"), facts.get("integration_error", 0.0), list[Finding]()
    if error > MOST_ERROR:
        found = [
            Finding(
                "integration-error",
                "warning",
                f"The finest rule ({facts['rule']}) integrates the levels' effects with an error of "
                f"{error:.2g} in the log density, above {MOST_ERROR}.",
                "Compare with sampler='alternating'.",
            )
        ]
    if k is None or k <= WORST_K:
        return found
    return [
        *found,
        Finding(
            "pareto-k",
            "warning",
            f"Pareto k of the proposals' weights is {k:.2f}, above {WORST_K}: a tail of the hyperparameters "
            "is thinly covered.",
            "Compare with sampler='hmc'.",
        ),
    ]


def other_move(case: Case) -> list[Finding]:
    """Report a run by another move that tells of another distribution than the draws."""
    rerun = case.certificate.rerun if case.certificate else None
    if rerun is None or rerun.agrees:
        return []
    severity, remedy = (
        "error",
        (
            "One of the two is wrong: fit again with another seed, and with sampler='nuts', and compare; if "
            "the difference stays, please report it."
        ),
    )
    if not rerun.sound:
        severity, remedy = (
            "warning",
            (
                "That run was itself not sound, so that nothing confirms the draws: `fit.verify()` makes a "
                "longer one."
            ),
        )
    return [Finding("other-move", severity, f"{rerun}.", remedy)]


def impossible_draws(case: Case) -> list[Finding]:
    """Report parameters with draws that are not finite or outside their support."""
    if case.results is None:
        return []
    return [
        Finding(
            "impossible-draws",
            "error",
            f"{name} has draws that this model cannot have: {what}.",
            "They were changed after the fit, or their file is damaged: fit again.",
        )
        for name, what in impossible(case.results).items()
    ]


def on_the_way(case: Case) -> list[Finding]:
    """Report what happened on the way, as the run wrote it down."""
    if case.results is None:
        return []
    notes = json.loads(case.results.attrs["notes"])
    return [Finding("run", "note", note, "Nothing to do if the checks above are met.") for note in notes]
