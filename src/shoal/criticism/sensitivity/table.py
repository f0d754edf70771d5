"""The table of which prior moves which conclusion."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from shoal.criticism.sensitivity.log_prior import LogPriors, log_priors
from shoal.criticism.sensitivity.movement import Movement, movements
from shoal.criticism.sensitivity.quantities import quantities
from shoal.criticism.sensitivity.scaling import error, noise, power_scaling
from shoal.errors import ModelError, listing
from shoal.estimands import Estimates
from shoal.fit.pointwise import total_log_likelihood
from shoal.fit.results import Results
from shoal.fit.row_blocks import spread

THRESHOLD = 0.05
MOST = 2**27  # rows times draws of a likelihood: a few seconds
FEWEST = 50  # draws of each chain that its sum is taken at, however many rows there are
FEWEST_DRAWS = 100  # of all chains together
STILL = 0.005  # sensitivity below which a prior's column is not printed
SCALE = (
    "distance between posteriors for each doubling of a prior's weight; 0.05 goes with a shift of about a "
    "quarter of a posterior sd"
)


class Sensitivity(Estimates):
    """A table of sensitivities that prints its verdict and its limits: ``attrs["verdict"]``, ``["limits"]``.

    Columns of priors that move nothing, ``attrs["still"]``, are there but not printed.
    """

    @property
    def _constructor(self) -> type[Sensitivity]:
        return Sensitivity

    def _printed(self) -> tuple[Estimates, list[str]]:
        """Return what is printed: a table, and sentences below it."""
        still = [name for name in self.attrs.get("still", []) if name in self.columns]
        words = [str(self.attrs[name]) for name in ("verdict", "limits") if self.attrs.get(name)]
        if still:
            whose = listing((name.removeprefix("prior_of_") for name in still), 10)
            words.append(f"The columns of these priors are not shown, below {STILL:g} everywhere: {whose}.")
        table = Estimates(self.drop(columns=still))
        table.attrs = {"scale": self.attrs["scale"]} if "scale" in self.attrs else {}
        return table, words

    def __repr__(self) -> str:
        table, words = self._printed()
        return "\n".join([repr(table), *words])

    def _repr_html_(self) -> str | None:
        table, words = self._printed()
        page = table._repr_html_()
        return page and f"{page}<p>{'<br>'.join(map(html.escape, words))}</p>"


def sensitivity(
    results: Results,
    var_names: Sequence[str] | str | None = None,
    *,
    levels: str | None = None,
    by_prior: bool = True,
    likelihood: bool = True,
    threshold: float = THRESHOLD,
) -> Sensitivity:
    """Return how far posterior quantities move as priors, and the likelihood, are raised to a power near one.

    Parameters
    ----------
    var_names : sequence of str, optional
        Posterior variables, or single quantities such as ``r_district[7, Intercept]``; by default all
        variables but those with one value a level.
    levels : str, optional
        A grouping factor: the coefficients of its levels instead, population part plus deviation.
    by_prior : bool
        A column for each prior.
    likelihood : bool
        Scale the likelihood too, which takes a pass over the rows.
    threshold : float
        Sensitivity from which a prior, or the likelihood, is said to matter.

    Returns
    -------
    Sensitivity
        One row a quantity that is not fixed: ``prior`` (all priors together), a column for each prior, called
        like its parameter (``prior_of_<name>`` if that is another column's name), ``likelihood``, ``driver``
        (the prior that moves the quantity most; empty if none does by more than noise), ``pull`` and
        ``spread`` (what twice the driver's weight does to the mean, in posterior sds, and to the sd,
        relatively; to first order), and ``diagnosis``. A sensitivity that reaches `threshold`, but no more
        than noise, is NaN.

    Raises
    ------
    ModelError
        Unknown names, a threshold that is not positive, fewer than 100 draws.

    Notes
    -----
    4,000 draws take a millisecond for each pair of a quantity and a prior. Of many rows the likelihood is
    taken at so many of the draws, evenly spread, that rows times draws are `MOST`: at least 50 of each chain.
    """
    given: object = threshold  # by callers without types
    if not isinstance(given, Real) or not 0 < threshold < float("inf"):
        raise ModelError(
            "number-out-of-range", f"threshold={threshold!r}.", "A positive number, such as 0.05."
        )
    total = results.posterior.sizes["chain"] * results.posterior.sizes["draw"]
    if total < FEWEST_DRAWS:
        raise ModelError(
            "too-few-draws",
            f"The fit has {total} draws.",
            f"At least {FEWEST_DRAWS}: of fewer, noise is all there is to see.",
        )
    chosen, priors = quantities(results, var_names, levels), log_priors(results)
    moved = movements(chosen, priors.values)
    data = _of_likelihood(results, [chosen[m.name] for m in moved]) if likelihood else None
    return _table(moved, priors, data, by_prior, threshold)


@dataclass(frozen=True)
class _Data:
    """Sensitivities (Q,) to the likelihood with their noise, and how many draws they come from."""

    values: np.ndarray
    noise: np.ndarray
    draws: int
    of: int
    missing: str = ""


def _of_likelihood(results: Results, chosen: Sequence[np.ndarray]) -> _Data:
    """Return what the likelihood does to quantities; of many rows at some of the draws."""
    posterior, model = results.posterior, results.model
    chains, there = posterior.sizes["chain"], posterior.sizes["draw"]
    unknown = np.full(len(chosen), np.nan)
    if lost := [name for name in model.group_effects if name not in posterior]:
        return _Data(unknown, unknown, 0, 0, f"the draws of {listing(lost)} were not kept")
    if model.stays:
        return _Data(unknown, unknown, 0, 0, "the rows are not in memory")
    rows = sum(design.n_rows for design in model.designs)
    kept = spread(there, min(there, max(FEWEST, MOST // (rows * chains))))
    some = results.with_posterior(posterior.isel(draw=kept))
    total = total_log_likelihood(some)
    thinned, width = [draws[:, kept] for draws in chosen], error(total)
    values = power_scaling(thinned, total, "likelihood")
    return _Data(values, np.array([noise(x, width) for x in thinned]), total.size, chains * there)


def _table(
    moved: Sequence[Movement], priors: LogPriors, data: _Data | None, by_prior: bool, threshold: float
) -> Sensitivity:
    columns: dict[str, Any] = {"prior": [_heard(m.prior, m.noise, threshold) for m in moved]}
    still = []
    if by_prior:
        own = {"prior", "likelihood", "driver", "pull", "spread", "diagnosis"}
        names = {p: f"prior_of_{p}" if p in own else p for p in priors.values}
        columns |= {name: [m.each[p] for m in moved] for p, name in names.items()}
        still = [name for name in names.values() if max(columns[name], default=0.0) < STILL]
    if data is not None:
        pairs = zip(data.values, data.noise, strict=True)
        columns["likelihood"] = [_heard(value, noise, threshold) for value, noise in pairs]
    columns |= {
        "driver": [m.driver for m in moved],
        "pull": [m.pull for m in moved],
        "spread": [m.spread for m in moved],
        "diagnosis": [_diagnosis(m, i, data, threshold) for i, m in enumerate(moved)],
    }
    table = Sensitivity(columns, index=[m.name for m in moved])
    table.attrs = {
        "scale": SCALE,
        "still": still,
        "verdict": _verdict(moved, threshold),
        "limits": _limits(moved, priors, data),
    }
    return table


def _heard(value: float, noise: float, threshold: float) -> float:
    """Return a sensitivity, or NaN if it would matter and is no larger than noise."""
    return float("nan") if threshold <= value <= noise else float(value)


def _sensitive(movement: Movement, threshold: float) -> bool:
    """Return whether a prior, or all together, move a quantity by more than noise and the threshold."""
    together = movement.prior >= max(threshold, movement.noise)
    return together or movement.by_driver >= threshold


def _diagnosis(movement: Movement, at: int, data: _Data | None, threshold: float) -> str:
    if not _sensitive(movement, threshold):
        return "lost in noise" if movement.prior >= threshold else "no prior matters"
    if data is None or np.isnan(data.values[at]):
        return "a prior matters"
    if data.values[at] >= max(threshold, data.noise[at]):
        return "prior and data both move it"
    return "a prior outweighs the data" if data.noise[at] < threshold else "a prior matters"


def _verdict(moved: Sequence[Movement], threshold: float) -> str:
    found = sorted((m for m in moved if _sensitive(m, threshold)), key=lambda m: -m.prior)
    if not moved:
        return "Everything asked for is fixed."
    if not found:
        return f"No prior moves any of these by {threshold:g} or more."
    parts = [f"{m.name} ({m.prior:.2g}{_by(m)})" for m in found]
    depend = "depends on a prior" if len(found) == 1 else "depend on priors"
    return f"{len(found)} of {len(moved)} {depend}: {listing(parts)}."


def _by(movement: Movement) -> str:
    if not movement.driver:
        return ""
    return ", on its own" if movement.driver == movement.name else f", on that of {movement.driver}"


def _limits(moved: Sequence[Movement], priors: LogPriors, data: _Data | None) -> str:
    """Return what the numbers cannot say: noise, draws left out, priors left out."""
    parts = []
    if moved:
        noisy = f"up to {_short(max(m.noise for m in moved))} to priors"
        if data is not None and np.isfinite(data.noise).any():
            noisy += f" and {_short(float(np.nanmax(data.noise)))} to the likelihood"
        parts.append(f"Noise: sensitivities of {noisy} can be chance.")
    if data is not None and data.missing:
        parts.append(f"No likelihood: {data.missing}.")
    elif data is not None and data.draws < data.of:
        parts.append(f"The likelihood is that at {data.draws:,} of {data.of:,} draws.")
    return " ".join([*parts, *priors.limits])


def _short(value: float) -> str:
    return f"{value:.1g}" if value < 0.1 else f"{value:.2g}"
