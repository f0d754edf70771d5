"""Ranks of levels, with the uncertainty that is theirs."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from shoal.errors import ModelError, check_choice
from shoal.estimands.common import (
    INTERVAL,
    effect_of,
    group_of,
    interval_names,
    label_column,
    linear_scale,
    these_levels,
)
from shoal.estimands.levels import effects_draws, levels
from shoal.estimands.table import Estimates
from shoal.fit.results import Results
from shoal.model.design import Group

BEST = ("high", "low")


def rank_draws(
    results: Results, name: str | None = None, effect: str | None = None, best: str = "high"
) -> xr.DataArray:
    """Return each level's rank in each draw, (chain, draw, <group>); 1 is the best.

    Levels that are equal in a draw share the mean of their ranks.

    Raises
    ------
    ModelError
        Unknown names, or effects that were not kept.
    """
    from scipy.stats import rankdata

    check_choice("best", best, BEST)
    _, group = group_of(results, name)
    # Deviations are ranked, not sums with the population's part, whose rounding could make levels equal.
    r = effects_draws(results, name)[..., effect_of(group, effect)].drop_vars(group.dim)
    return r.copy(data=rankdata(r.values if best == "low" else -r.values, axis=-1)).rename("rank")


def ranks(
    results: Results,
    name: str | None = None,
    effect: str | None = None,
    best: str = "high",
    top: int | Sequence[int] = (1,),
    prob: float = INTERVAL,
) -> pd.DataFrame:
    """Return one row per level, best first: its coefficient, its rank, and how sure the rank is.

    The rank of the posterior mean is not the posterior mean of the rank, and neither says how sure it is;
    Goldstein and Spiegelhalter (1996), Journal of the Royal Statistical Society A 159, 385-443.

    Columns
    -------
    <group> : the level's label.
    n : rows of the level.
    mean, sd : of the level's coefficient, population part included.
    rank_mean, rank_median, rank_<interval> : of the rank, 1 the best; the interval holds at least `prob`.
    p_best, p_top_<k> : probability of the first rank, and of the first k.

    Raises
    ------
    ModelError
        Unknown names, effects that were not kept, a `top` outside 1 to the number of levels.
    """
    design, group = group_of(results, name)
    lower, upper = interval_names(prob)
    wanted = _tops(top, group)
    ranked = rank_draws(results, name, effect, best).values.reshape(-1, len(group.labels))
    k = effect_of(group, effect)
    own = levels(results, name).values[..., k].reshape(ranked.shape)
    columns = {
        "n": design.sizes(group),
        "mean": own.mean(0),
        "sd": own.std(0),
        "rank_mean": ranked.mean(0),
        "rank_median": np.median(ranked, axis=0),
        f"rank_{lower}": np.quantile(ranked, (1 - prob) / 2, axis=0, method="lower"),
        f"rank_{upper}": np.quantile(ranked, (1 + prob) / 2, axis=0, method="higher"),
    }
    columns |= {"p_best" if t == 1 else f"p_top_{t}": (ranked <= t).mean(0) for t in wanted}
    table = Estimates({label_column(group, columns): group.labels, **columns})
    table = table.sort_values("rank_mean", kind="stable", ignore_index=True)
    table.attrs = {
        "scale": f"{group.effects[k]} on the {linear_scale(design)}; rank 1 is the {_end(best)}",
        "population": these_levels(group),
    }
    return table


def _tops(top: Any, group: Group) -> list[int]:
    size = len(group.labels)
    wanted = []
    for value in top if isinstance(top, Sequence) else [top]:
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        if not whole or not 1 <= int(value) <= size:
            raise ModelError(
                "number-out-of-range", f"top={value!r}.", f"Integers from 1 to {size}, the number of levels."
            )
        wanted.append(int(value))
    return wanted


def _end(best: str) -> str:
    return "highest" if best == "high" else "lowest"
