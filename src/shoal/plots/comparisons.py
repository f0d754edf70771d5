"""Plots of several fits, and of priors without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shoal.errors import ModelError, listing
from shoal.plots.accessors import results_of
from shoal.plots.ess import ess as _ess
from shoal.plots.picture import Picture
from shoal.plots.pooling import pooling as _pooling
from shoal.plots.sd_prior_implied import sd_prior_implied as _sd_prior_implied

if TYPE_CHECKING:
    from shoal.priors import Prior


def ess(fits: Mapping[str, Any], var_names: Sequence[str] | str | None = None) -> Picture:
    """Draw effective sample sizes of the same quantities in several fits, a colour a fit.

    Parameters
    ----------
    fits : mapping of str to Fit
    var_names : str or sequence of str, optional
        As in `FitPlots.ess`. A fit that lacks a quantity leaves its place empty.

    Raises
    ------
    ModelError
        No fits, or unknown names.
    """
    return _ess({name: results_of(fit) for name, fit in fits.items()}, var_names)


def pooling(
    fits: Mapping[str, Any], group: str | None = None, effect: str | None = None, prob: float = 0.9
) -> Picture:
    """Draw the levels of one model fitted with partial, complete and no pooling on one axis.

    Parameters
    ----------
    fits : mapping of str to Fit
        ``"partial"``, and ``"complete"`` and ``"none"``; of these two the missing ones are fitted.
    group, effect : str, optional
    prob : float

    Raises
    ------
    ModelError
        No fit called "partial", or unknown names.
    """
    given = {name: results_of(fit) for name, fit in fits.items()}
    if "partial" not in given:
        raise ModelError(f"The fits are called {listing(map(repr, given))}.", "One called 'partial'.")
    return _pooling(given.pop("partial"), group, effect, prob, others=given)


def sd_prior_implied(priors: Mapping[str, Prior], seed: int = 0) -> Picture:
    """Draw what priors of a standard deviation imply for linear predictors, without a model.

    Parameters
    ----------
    priors : mapping of str to Prior
        By the names that the legend gives them. `ModelPlots.sd_prior_implied` has the outcome's scale.
    seed : int

    Raises
    ------
    ModelError, PriorError
        No priors, or one that is none of a standard deviation.
    """
    return _sd_prior_implied(None, None, priors, seed)
