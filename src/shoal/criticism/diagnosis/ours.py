"""What only Shoal's own fits tell: the proposals' weights, and what happened on the way."""

from __future__ import annotations

import json

from shoal.criticism.diagnosis.case import Case
from shoal.criticism.diagnosis.findings import Finding
from shoal.engine.checks import WORST_K


def certificate(case: Case) -> list[Finding]:
    """Report a thinly covered tail of an independence sampler's proposals."""
    if case.results is None or case.results.attrs["sampler"] != "independence":
        return []
    k = json.loads(case.results.attrs["sampler_facts"]).get("pareto_k")
    if k is None or k <= WORST_K:
        return []
    return [
        Finding(
            "pareto-k",
            "warning",
            f"Pareto k of the proposals' weights is {k:.2f}, above {WORST_K}: a tail of the hyperparameters "
            "is thinly covered.",
            "Compare with sampler='hmc'.",
        )
    ]


def on_the_way(case: Case) -> list[Finding]:
    """Report what happened on the way, as the run wrote it down."""
    if case.results is None:
        return []
    notes = json.loads(case.results.attrs["notes"])
    return [Finding("run", "note", note, "Nothing to do if the checks above are met.") for note in notes]
