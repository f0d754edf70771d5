"""How a posterior is sampled, and why. The only place where a strategy is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from shoal.errors import ModelError, nearest
from shoal.posterior.coordinates import COORDINATES
from shoal.posterior.structure import Structure

SAMPLERS = ("independence", "hmc", "nuts")
REFINEMENTS = 0  # xx
MOST_INDEPENDENT = 8  # hyperparameters an independence sampler is trusted with


@dataclass(frozen=True)
class Plan:
    """A strategy with its reasons.

    Attributes
    ----------
    integrate : bool
        Effects are integrated out exactly from per-level sums.
    coordinates : str
        Coordinates of what is sampled, `coordinates.COORDINATES`.
    sampler : {"independence", "hmc", "nuts"}
    reasons : tuple of str
        One sentence for each choice.
    refinements : int
        Newton steps of the transport map at each theta (see `laplace.conditional`).
    asked : bool
        The sampler or the coordinates were chosen by the user, so nothing else takes over.
    """

    integrate: bool
    coordinates: str
    sampler: str
    reasons: tuple[str, ...]
    refinements: int = 0
    asked: bool = False

    @property
    def fits_marginal(self) -> bool:
        """The sampler begins with the marginal of the hyperparameters."""
        return self.coordinates == "transport"

    def __str__(self) -> str:
        return "\n".join(f"- {reason}" for reason in self.reasons)


def choose(structure: Structure, coordinates: str = "auto", sampler: str = "auto") -> Plan:
    """Return the plan for a posterior.

    Raises
    ------
    ModelError
        Unknown names, or an independence sampler of non-gaussian rows.
    """
    for what, value, known in (
        ("coordinates", coordinates, ("auto", *COORDINATES)),
        ("sampler", sampler, ("auto", *SAMPLERS)),
    ):
        if value not in known:
            raise ModelError(f"{what}={value!r}.", f"One of {', '.join(known)}.", nearest(value, known))
    integrate = structure.quadratic and coordinates in ("auto", "transport")
    reasons = [_about_effects(structure, integrate, coordinates)]
    asked = sampler != "auto" or coordinates not in ("auto", "transport")
    if sampler == "auto":
        sampler, why = _choose_sampler(structure, integrate, coordinates)
        reasons.append(why)
    elif sampler == "independence" and not integrate:
        raise ModelError(
            "sampler='independence' samples the hyperparameters alone.",
            "It needs gaussian rows and effects, and coordinates='auto': all effects integrate out then.",
        )
    elif sampler == "hmc" and coordinates not in ("auto", "transport"):
        raise ModelError(
            f"sampler='hmc' in {coordinates} coordinates.",
            "It needs transported ones.",
            "Use sampler='nuts'.",
        )
    else:
        reasons.append(f"Sampled by {sampler}, as asked.")
    chosen = "transport" if coordinates == "auto" else coordinates
    return Plan(integrate, chosen, sampler, tuple(reasons), REFINEMENTS, asked)


def _about_effects(s: Structure, integrate: bool, coordinates: str) -> str:
    parts = [f"{s.n_normal} population coefficients"] if s.n_normal else []
    count = sum(f.effects * f.levels for f in s.factors)
    parts += [f"{count:,} group effects"] if count else []
    what = " and ".join(parts) or "no effects"
    if integrate:
        return (
            f"Integrated exactly: {what}, from per-level sums; the rows are read once. "
            "Draws of them are exact, given the hyperparameters."
        )
    if coordinates in ("auto", "transport"):
        return (
            f"Transported: {what} are sampled from their mode and curvature given the hyperparameters, "
            "log determinant included; the posterior is exact."
        )
    return f"Sampled in {coordinates} coordinates, as asked: {what}."


def _choose_sampler(s: Structure, integrate: bool, coordinates: str) -> tuple[str, str]:
    if coordinates not in ("auto", "transport"):
        return "nuts", "Sampled by NUTS: these coordinates are not near a standard normal."
    if integrate and s.n_theta <= MOST_INDEPENDENT:
        return "independence", (
            f"{s.n_theta} hyperparameters are sampled independently from a mixture fitted to their marginal "
            "density, each accepted or refused by its exact weight."
        )
    return "hmc", (
        f"{s.n_theta} hyperparameters"
        + (" and the transported effects" if not integrate else "")
        + " are sampled by Hamiltonian trajectories, after whitening by their marginal."
    )
