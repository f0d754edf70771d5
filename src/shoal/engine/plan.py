"""How a posterior is sampled, and why: the only place where a strategy is chosen before a pilot's run."""

from __future__ import annotations

from dataclasses import dataclass

from shoal.errors import ModelError, check_choice, counted

COORDINATES = ("transport", "noncentered", "centered", "zero_sum")
QUADRATURE = "quadrature"
SAMPLERS = ("independence", QUADRATURE, "alternating", "hmc", "nuts")
SLOW = 120.0  # seconds of a run of 4,000 draws from which on a plan warns
RATE = 2e9  # elementary operations of the engine in a second
OF_A_ROW = 200.0  # of these for each linear predictor, where a level's effects are integrated at one point
MOST_INDEPENDENT = 8  # hyperparameters an independence sampler is trusted with
# Where quadrature is chosen: of so many levels with one effect each, at most this share have different rows;
MANY_LEVELS, DIFFERENT = 100, 0.25
# or levels of one or two effects have so few rows each that a map of them is poor, and integrals are cheap.
FEW_ROWS, FEW_EFFECTS, MOST_LEVELS = 3, 2, 5_000
# Where effects are not kept, drawing them is spared, which is most of the work; then so many levels of few
# effects and rows are integrated as well: other moves get slower with the number of levels, and worse.
MANY_UNKEPT, FEW_ROWS_UNKEPT = 10_000, 20
COMPARED = 200_000  # linear predictors, above which levels are not compared


@dataclass(frozen=True)
class Alone:
    """What the effects fall into once all coefficients are coordinates of theta.

    Attributes
    ----------
    coordinates : int
        Of theta and the coefficients.
    units : int
        Sets of effects that are independent of all others: those of a level, or of levels that are nested.
    widest : int
        Effects of the largest of them.
    kinds : int
        Units with different rows, where all have one effect and they are compared: equal ones are integrated
        once.
    rows, lines : int
        Of all units together; linear predictors of these.
    refusal : tuple of str
        What was found, what is needed, and what to do where they cannot be integrated one by one; else none.
    """

    coordinates: int
    units: int = 0
    widest: int = 0
    kinds: int = 0
    rows: int = 0
    lines: int = 0
    refusal: tuple[str, ...] = ()


@dataclass(frozen=True)
class Size:
    """What a plan depends on.

    Attributes
    ----------
    hyperparameters, coefficients, effects : int
        Free hyperparameters; normal coefficients; group effects.
    of_curves : int
        Coefficients of the bases of curves.
    unknown : int
        Values that are missing.
    quadratic : bool
        Everything is gaussian given the hyperparameters.
    cost : float
        Elementary operations of a marginal density.
    step : float
        Those of a joint density and its gradient.
    numbers : int
        Of the factor and of what it is made from.
    levels : tuple of (str, int)
        Levels of each grouping factor.
    one_sided : int
        Coefficients that are sampled as hyperparameters are.
    alone : Alone or None
        What effects fall into given all else; None where that was not asked.
    kept : bool
        Draws of the effects are wanted.
    elsewhere : bool
        The rows are elsewhere, where they are asked in rounds.
    """

    hyperparameters: int
    coefficients: int
    effects: int
    quadratic: bool
    cost: float
    step: float
    numbers: int
    levels: tuple[tuple[str, int], ...]
    one_sided: int = 0
    of_curves: int = 0
    unknown: int = 0
    alone: Alone | None = None
    kept: bool = True
    elsewhere: bool = False


@dataclass(frozen=True)
class Plan:
    """A strategy with its reasons.

    Attributes
    ----------
    integrate : bool
        Effects are integrated out exactly from sums over the rows.
    coordinates : str
        Coordinates of what is sampled, one of `COORDINATES`.
    sampler : {"independence", "quadrature", "alternating", "hmc", "nuts", "pilot"}
        "pilot" leaves the choice between "alternating" and "hmc" to a short run.
    reasons : tuple of str
        One sentence for each choice.
    asked : bool
        The sampler or the coordinates were chosen by the user, so nothing else takes over.
    warning : str
        What makes the run slow, with numbers; empty if nothing does.
    """

    integrate: bool
    coordinates: str
    sampler: str
    reasons: tuple[str, ...]
    asked: bool = False
    warning: str = ""

    @property
    def fits_marginal(self) -> bool:
        """The sampler begins with the marginal of the hyperparameters."""
        return self.coordinates == "transport"

    def __str__(self) -> str:
        return "\n".join(f"- {line}" for line in (*self.reasons, self.warning) if line)


def choose(size: Size, coordinates: str = "auto", sampler: str = "auto") -> Plan:
    """Return the plan for a posterior.

    Raises
    ------
    ModelError
        Unknown names, or a sampler that these rows or coordinates do not allow.
    """
    check_names(coordinates, sampler)
    plain = coordinates in ("auto", "transport")
    integrate = size.quadratic and plain
    asked = sampler != "auto" or not plain
    if sampler == "auto":
        sampler, why = _choose_sampler(size, integrate, plain)
    else:
        _check_sampler(size, sampler, integrate, plain, coordinates)
        why = f"Sampled by {sampler}, {'in rounds to the rows' if size.elsewhere else 'as asked'}."
    reasons = [_about_effects(size, integrate, coordinates, sampler), why]
    chosen = "transport" if coordinates == "auto" else coordinates
    return Plan(integrate, chosen, sampler, tuple(reasons), asked, _slow(size, sampler))


def check_names(coordinates: str, sampler: str) -> None:
    """Raise `ModelError` on unknown coordinates or samplers."""
    for what, value, known in (
        ("coordinates", coordinates, ("auto", *COORDINATES)),
        ("sampler", sampler, ("auto", *SAMPLERS)),
    ):
        check_choice(what, value, known)


def _check_sampler(size: Size, sampler: str, integrate: bool, plain: bool, coordinates: str) -> None:
    if sampler == "independence" and not integrate:
        raise ModelError(
            "independence-sampler",
            "sampler='independence' samples the hyperparameters alone.",
            "It needs gaussian rows and effects, and coordinates='auto': all effects integrate out then.",
        )
    if sampler in ("hmc", "alternating", QUADRATURE) and not plain:
        raise ModelError(
            "sampler-coordinates",
            f"sampler={sampler!r} in {coordinates} coordinates.",
            "It needs transported ones.",
            "Use sampler='nuts'.",
        )
    if sampler == QUADRATURE and size.alone is not None and size.alone.refusal:
        found, needed, remedy = size.alone.refusal
        if size.elsewhere:
            remedy = "Fewer predictors or effects; or a sample of the rows in memory, for other samplers."
        raise ModelError("levels-not-independent", found, needed, remedy)


def _best_alone(alone: Alone | None, kept: bool) -> str:
    """Return why independent levels are best integrated one by one, or nothing.

    Where they have many rows, and all are different, other moves give as many effective draws in less time.
    """
    if alone is None or alone.refusal or alone.coordinates > MOST_INDEPENDENT or alone.units < MANY_LEVELS:
        return ""
    if alone.widest == 1 and alone.kinds <= DIFFERENT * alone.units:
        return f"of {alone.units:,} levels only {alone.kinds:,} have different rows"
    each, few_effects = alone.rows / alone.units, alone.widest <= FEW_EFFECTS
    if few_effects and not kept and alone.units >= MANY_UNKEPT and each <= FEW_ROWS_UNKEPT:
        return f"{alone.units:,} levels have {alone.rows:,} rows, and their effects are not kept"
    few = few_effects and each <= FEW_ROWS and alone.units <= MOST_LEVELS
    return f"{alone.units:,} levels have {alone.rows:,} rows" if few else ""


def _slow(size: Size, sampler: str) -> str:
    """Return a warning with numbers if a run would take minutes, else nothing."""
    evaluations, cost = (6_000, size.cost) if sampler == "independence" else (25_000, size.step)
    if (alone := size.alone if sampler == QUADRATURE else None) is not None:
        evaluations, cost = 5_000, OF_A_ROW * alone.lines
    each = cost / RATE
    total = each * evaluations / 2
    if total < SLOW and size.numbers < 5e8:
        return ""
    if alone is not None:
        return (
            f"This model is large: {counted(alone.lines, 'linear predictor')} of rows; one point takes "
            f"about {1000 * each:.0f} ms of a core, so 4,000 draws on two cores take about "
            f"{total / 60:.0f} minutes. A sample of the rows takes that much less, fewer draws somewhat less."
        )
    levels = ", ".join(f"{name} {count:,}" for name, count in size.levels)
    return (
        f"This model is large: levels {levels}; one evaluation takes about {1000 * each:.0f} ms and "
        f"{8 * size.numbers / 1e9:.1f} GB, so 4,000 draws on two cores take about {total / 60:.0f} minutes. "
        "Fewer draws take that much less; so do fewer levels of crossed factors, whose meetings fill the "
        "factor."
    )


def _about_effects(size: Size, integrate: bool, coordinates: str, sampler: str) -> str:
    if sampler == QUADRATURE and size.alone is not None:
        return (
            f"Integrated where their rows are: {counted(size.effects, 'group effect')}, of each level by "
            f"themselves ({size.alone.widest} at a time), which are drawn there given all else."
        )
    parts = [counted(size.coefficients, "population coefficient")] if size.coefficients else []
    parts += [counted(size.of_curves, "coefficient") + " of curves"] if size.of_curves else []
    parts += [counted(size.unknown, "unknown value")] if size.unknown else []
    parts += [counted(size.effects, "group effect")] if size.effects else []
    *first, last = parts or ["no effects"]
    what = f"{', '.join(first)} and {last}" if first else last
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


def _choose_sampler(size: Size, integrate: bool, plain: bool) -> tuple[str, str]:
    if not plain:
        return "nuts", "Sampled by NUTS: these coordinates are not near a standard normal."
    if integrate and not size.hyperparameters:
        return "independence", "No hyperparameter is left to sample: all are fixed."
    count = counted(size.hyperparameters, "hyperparameter")
    if integrate and size.hyperparameters <= MOST_INDEPENDENT:
        return "independence", (
            f"Sampled independently, from a mixture fitted to the marginal density: {count}, each draw "
            "accepted or refused by its exact weight."
        )
    if why := _best_alone(size.alone, size.kept):
        assert size.alone is not None
        return QUADRATURE, (
            "Sampled independently, from a mixture fitted to the marginal density of hyperparameters and "
            f"coefficients ({size.alone.coordinates}), each draw accepted or refused by its exact weight: "
            f"{why}."
        )
    free = size.hyperparameters + size.one_sided
    if size.one_sided:
        sided = counted(size.one_sided, "coefficient")
        count = f"{sided} with a one-sided density" + (f" and {count}" if size.hyperparameters else "")
    if not free:
        what = "the transported effects"
        return "hmc", f"Sampled by Hamiltonian trajectories, after whitening by the marginal: {what}."
    if free <= MOST_INDEPENDENT:
        return "pilot", (
            f"Sampled by two exact moves, between which a short run chooses: {count} proposed from a mixture "
            "fitted to the marginal density and the effects by trajectories, or all by Hamiltonian "
            "trajectories."
        )
    return (
        "hmc",
        f"Sampled by Hamiltonian trajectories, after whitening by the marginal: {count} and the effects.",
    )
