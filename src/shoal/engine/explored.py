"""What was learnt before sampling, as a record keeps it: with it a run goes on without exploring again."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from shoal.engine.chain import Move
from shoal.engine.evaluate import Target
from shoal.engine.mixture import Mixture
from shoal.engine.proposals import MarginalFit, Proposal
from shoal.engine.record import Record

MIXTURE = ("weight", "mean", "root")
PROPOSAL = ("center", "inverse", "terms", "coefficient")
FIT = ("mean", "root", "sample", "weight")


@dataclass(frozen=True)
class Explored:
    """What is known of the marginal of theta, and how chains move.

    Attributes
    ----------
    fit : MarginalFit or None
        None in coordinates in which nothing is learnt.
    move : Move or None
        None where NUTS samples.
    """

    fit: MarginalFit | None
    move: Move | None


def keep(record: Record, target: Target, explored: Explored) -> None:
    """Write what was learnt, and where the target's expansion and units are by now."""
    expansion = target.problem.expansion
    arrays = {
        "expansion_a": expansion.a,
        "expansion_b": expansion.b,
        "expansion_x": expansion.x,
        "unit": target.problem.slots.unit,
    }
    facts: dict[str, Any] = {"move": None if explored.move is None else asdict(explored.move), "fit": None}
    if (fit := explored.fit) is not None:
        proposal = fit.proposal
        arrays |= {f"fit_{name}": getattr(fit, name) for name in FIT}
        arrays |= {f"proposal_{name}": getattr(proposal, name) for name in PROPOSAL}
        arrays |= {f"mixture_{name}": getattr(proposal.mixture, name) for name in MIXTURE}
        facts["fit"] = [proposal.mixture.freedom, fit.efficiency, fit.acceptance]
    for name, values in arrays.items():
        record.keep(name, values.copy())
    record.note(explored=facts)


def explored_in(record: Record, target: Target) -> Explored | None:
    """Return what a record knows, if it does; the target is put where it was then."""
    if "explored" not in record.facts:
        return None
    expansion = target.problem.expansion
    expansion.a[:], expansion.b[:] = record.kept("expansion_a"), record.kept("expansion_b")
    expansion.x[:], target.problem.slots.unit[:] = record.kept("expansion_x"), record.kept("unit")
    facts, fit = record.facts["explored"], None
    if facts["fit"] is not None:
        freedom, efficiency, acceptance = facts["fit"]
        weight, mean, root = (record.kept(f"mixture_{name}") for name in MIXTURE)
        mixture = Mixture(weight, mean, root, freedom)
        proposal = Proposal(mixture, *(record.kept(f"proposal_{name}") for name in PROPOSAL))
        mean, root, sample, weight = (record.kept(f"fit_{name}") for name in FIT)
        fit = MarginalFit(proposal, mean, root, sample, weight, efficiency, acceptance)
    return Explored(fit, None if facts["move"] is None else Move(**facts["move"]))
