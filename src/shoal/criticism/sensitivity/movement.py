"""What moves each quantity: all priors together, and each alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from shoal.criticism.sensitivity.scaling import error, noise, power_scaling, pull, reach, varied


@dataclass(frozen=True)
class Movement:
    """Sensitivities of one quantity to priors.

    Attributes
    ----------
    name : str
    prior : float
        To all priors together.
    noise : float
        What chance alone rarely exceeds, of `prior`.
    each : dict of str to float
        To each prior; empty if they were not looked at.
    driver : str
        The prior that moves the quantity most; empty if none does by more than noise.
    pull, spread : float
        What twice the driver's weight does to the mean, in posterior sds, and to the sd, relatively; NaN
        without a driver.
    """

    name: str
    prior: float
    noise: float
    each: Mapping[str, float]
    driver: str = ""
    pull: float = float("nan")
    spread: float = float("nan")

    @property
    def by_driver(self) -> float:
        """The sensitivity to the driver; 0 without one."""
        return self.each[self.driver] if self.driver else 0.0


def movements(
    chosen: Mapping[str, np.ndarray], log_priors: Mapping[str, np.ndarray], least: float = 0.0
) -> list[Movement]:
    """Return what priors do to quantities; those that do not vary are left out.

    Parameters
    ----------
    chosen, log_priors : mapping of (chain, draw) arrays
    least : float
        Sensitivity to all priors together below which each of them is not looked at.
    """
    moving = {name: draws for name, draws in chosen.items() if varied(draws)}
    if not moving:
        return []
    usable = {name: values for name, values in log_priors.items() if varied(values)}
    together = sum(usable.values(), np.zeros(np.shape(next(iter(moving.values())))))
    joint, width = power_scaling(list(moving.values()), together, "prior"), error(together)
    pairs = zip(moving.items(), joint, strict=True)
    out = {name: Movement(name, float(v), noise(draws, width), {}) for (name, draws), v in pairs}
    closer = {name: moving[name] for name, movement in out.items() if movement.prior >= least}
    return list((out | _closer(out, closer, log_priors, usable, least)).values())


def _closer(
    found: Mapping[str, Movement],
    chosen: Mapping[str, np.ndarray],
    log_priors: Iterable[str],
    usable: Mapping[str, np.ndarray],
    least: float,
) -> dict[str, Movement]:
    """Return movements with each prior looked at that can reach `least`; the others are taken for 0."""
    spreads = {p: float(values.std()) for p, values in usable.items()}
    able = [p for p, sd in spreads.items() if any(reach(x, sd) >= least for x in chosen.values())]
    columns = {p: power_scaling(list(chosen.values()), usable[p], "prior") for p in able}
    errors = {p: error(usable[p]) for p in able}
    out = {}
    for i, (name, draws) in enumerate(chosen.items()):
        each = dict.fromkeys(log_priors, 0.0) | {p: float(column[i]) for p, column in columns.items()}
        driver = max(able, key=each.__getitem__, default="")
        if driver and each[driver] > noise(draws, errors[driver]):
            mean, sd = pull(draws, usable[driver])
            out[name] = replace(found[name], each=each, driver=driver, pull=mean, spread=sd)
        else:
            out[name] = replace(found[name], each=each)
    return out
