"""How a posterior is sampled, and why. The only place where a strategy is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from shoal.errors import ModelError, counted, nearest
from shoal.posterior.coordinates import COORDINATES
from shoal.posterior.laplace import FROZEN
from shoal.posterior.structure import Structure

SAMPLERS = ("independence", "hmc", "nuts")
WEAK = 10  # observations per effect below which the map follows the rows at every theta
CHEAP = 1000  # rows up to which it does so in any case
LARGEST_BORDER = 400  # effects outside the main factor, beyond which no factor is computed at each theta
SLOW = 120.0  # seconds of a run of 4,000 draws from which on a plan warns
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
    warning : str
        What makes the run slow, with numbers; empty if nothing does.
    """

    integrate: bool
    coordinates: str
    sampler: str
    reasons: tuple[str, ...]
    refinements: int = 0
    asked: bool = False
    warning: str = ""

    @property
    def fits_marginal(self) -> bool:
        """The sampler begins with the marginal of the hyperparameters."""
        return self.coordinates == "transport"

    def __str__(self) -> str:
        return "\n".join(f"- {line}" for line in (*self.reasons, self.warning) if line)


@dataclass(frozen=True)
class Work:
    """What an evaluation of a posterior has to go through.

    Attributes
    ----------
    rows : int
        Merged rows.
    observations : float
        Raw rows, weights and trials counted.
    pairs : int
        Pairs of levels that the sparse elimination multiplies.
    """

    rows: int
    observations: float
    pairs: int

    def seconds(self, s: Structure, refinements: int) -> float:
        """Return about how long one evaluation takes on one core (2 for a gradient are not counted)."""
        border, (effects, levels) = s.n_border, s.main_shape
        dense = effects * levels * (s.n_dense + s.n_normal) ** 2
        solve = border**3 / 3 / 2e10 + 12 * border**2 / 1e9 + effects * self.pairs / 1e8 + dense / 5e9
        if refinements == FROZEN:
            return 2e-5 + 4 * border**2 / 1e9 + (1 + self.rows) * len(s.factors) * 4e-8
        passes = 0 if s.quadratic else (1 + refinements) * self.rows * len(s.factors) * 4e-8
        return 2e-5 + (1 + 2 * refinements) * solve + passes

    def memory(self, s: Structure) -> float:
        """Return about how many bytes an evaluation needs."""
        effects, levels = s.main_shape
        wide = effects * levels * (s.n_dense + s.n_normal)
        return 8.0 * (8 * s.n_border**2 + 4 * wide + 4 * self.pairs)


def choose(structure: Structure, work: Work, coordinates: str = "auto", sampler: str = "auto") -> Plan:
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
    refinements = 0 if chosen != "transport" else _refinements(structure, work, sampler)
    if refinements == FROZEN:
        integrate = False
        reasons[0] = _about_effects(structure, False, coordinates)
        reasons.append(
            f"The map is that at one typical value of the hyperparameters: factoring {structure.n_border:,} "
            "effects outside the largest factor at each would cost most of the time."
        )
    elif refinements:
        reasons.append("The map follows the rows at every value of the hyperparameters: few of them a level.")
    warning = _slow(structure, work, sampler, refinements)
    return Plan(integrate, chosen, sampler, tuple(reasons), refinements, asked, warning)


def _refinements(s: Structure, work: Work, sampler: str) -> int:
    """Return the Newton steps that the transport map takes from the rows at each theta.

    Measured: with 25 or more observations an effect, none is as good as six, at a third of the cost; with
    three binary rows a level, or with very few levels, one step doubles the effective sample size.
    """
    if s.n_border > LARGEST_BORDER and sampler != "independence":
        return FROZEN
    weak = work.observations < WEAK * max(s.n_latent, 1)
    return int(not s.quadratic and (weak or work.rows <= CHEAP))


def _slow(s: Structure, work: Work, sampler: str, refinements: int) -> str:
    """Return a warning with numbers if a run would take minutes, else nothing."""
    evaluations = 6_000 if sampler == "independence" else 80_000
    each, memory = work.seconds(s, refinements), work.memory(s)
    total = each * evaluations / 2
    if total < SLOW and memory < 4e9:
        return ""
    levels = ", ".join(f"{f.name} {f.levels:,}" for f in s.factors)
    return (
        f"This model is large: levels {levels}; one evaluation takes about {1000 * each:.0f} ms and "
        f"{memory / 1e9:.1f} GB, so 4,000 draws on two cores take about {total / 60:.0f} minutes. Draws cut "
        "that in proportion; leaving out all but the largest factors, with the cube of their levels."
    )


def _about_effects(s: Structure, integrate: bool, coordinates: str) -> str:
    parts = [counted(s.n_normal, "population coefficient")] if s.n_normal else []
    count = sum(f.effects * f.levels for f in s.factors)
    parts += [counted(count, "group effect")] if count else []
    what = " and ".join(parts) or "no effects"
    if integrate:
        return (
            f"Integrated exactly: {what}, from per-level sums; the rows are read once. "
            "Their draws are exact, given the hyperparameters."
        )
    if coordinates in ("auto", "transport"):
        return (
            f"Transported: {what}, sampled from mode and curvature given the hyperparameters, "
            "log determinant included; the posterior is exact."
        )
    return f"Sampled in {coordinates} coordinates, as asked: {what}."


def _choose_sampler(s: Structure, integrate: bool, coordinates: str) -> tuple[str, str]:
    if coordinates not in ("auto", "transport"):
        return "nuts", "Sampled by NUTS: these coordinates are not near a standard normal."
    if integrate and not s.n_theta:
        return "independence", "No hyperparameter is left to sample: all are fixed."
    if integrate and s.n_theta <= MOST_INDEPENDENT:
        return "independence", (
            "Sampled independently, from a mixture fitted to the marginal density: "
            f"{counted(s.n_theta, 'hyperparameter')}, each draw accepted or refused by its exact weight."
        )
    what = [counted(s.n_theta, "hyperparameter")] if s.n_theta else []
    what += [] if integrate else ["the transported effects"]
    return "hmc", (
        f"Sampled by Hamiltonian trajectories, after whitening by the marginal: {' and '.join(what)}."
    )
