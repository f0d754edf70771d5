"""Plots of several fits, and of priors without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shoal.drawing.picture import Picture
from shoal.errors import ModelError, listing
from shoal.fit.given import check_fits, results_of
from shoal.fit.results import Results
from shoal.plots.ess import ess as _ess
from shoal.plots.forest import forests as _forests
from shoal.plots.pooling import pooling as _pooling
from shoal.plots.sd_prior_implied import sd_prior_implied as _sd_prior_implied

if TYPE_CHECKING:
    from shoal.priors import Prior


def ess(
    fits: Mapping[str, Any], var_names: Sequence[str] | str | None = None, levels: str | None = None
) -> Picture:
    """Draw effective sample sizes of the same quantities in several fits, a colour a fit.

    Parameters
    ----------
    fits : mapping of str to Fit
    var_names : str or sequence of str, optional
        As in `FitPlots.ess`. A fit that lacks a quantity leaves its place empty.
    levels : str, optional
        A grouping factor: the coefficients of its levels (population plus deviation), after `var_names` or,
        without these, alone.

    Returns
    -------
    Picture
        Numbers as of `FitPlots.ess`; a level's coefficient is called ``district[7]`` or ``district[7,x]``.

    Raises
    ------
    ModelError
        No fits, or names that no fit has.
    """
    return _ess(_results(fits), var_names, levels)


def forest(
    fits: Mapping[Any, Any],
    var_names: Mapping[str, Sequence[str] | str] | Sequence[str] | str | None = None,
    truth: Mapping[str, float | Mapping[Any, float]] | None = None,
    prob: float = 0.9,
) -> Picture:
    """Draw intervals of the same quantities in several fits, a panel a quantity, a row a fit.

    Posterior means with two equal-tailed intervals, of probability `prob` and half that. Positive quantities
    that differ much between fits have a logarithmic axis.

    Parameters
    ----------
    fits : mapping of str to Fit
    var_names : str, sequence of str or mapping, optional
        As in `FitPlots.forest`; each in at least one fit. A mapping goes from a panel's name to the names
        that its quantity has in the fits, ``{"x": ["x", "y_x"]}``: of each fit the first is drawn.
    truth : mapping of str to float, optional
        Known values by quantity; where fits differ in them, a mapping from fits to values in place of one.
    prob : float

    Returns
    -------
    Picture
        At most 12 quantities. Numbers: ``fit``, ``quantity``, ``mean``, ``sd``, the bounds of both intervals,
        and ``truth`` (missing where none is given).

    Raises
    ------
    ModelError
        No fits, names that no fit has, a truth of what is not drawn.
    """
    by_fit = {
        name: {_name(fit): v for fit, v in value.items()} if isinstance(value, Mapping) else value
        for name, value in (truth or {}).items()
    }
    return _forests(_results(fits), var_names, by_fit, prob)


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
    given = _results(fits)
    if "partial" not in given:
        raise ModelError(
            "fit-name", f"The fits are called {listing(map(repr, given))}.", "One called 'partial'."
        )
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


def _results(fits: Mapping[Any, Any]) -> dict[str, Results]:
    check_fits(fits)
    if not fits:
        raise ModelError(
            "no-fits", "No fit is given.", "A mapping from names to fits, such as {'centered': a}."
        )
    return {_name(name): results_of(fit) for name, fit in fits.items()}


def _name(name: Any) -> str:
    """Return the name of a fit as text, of several parts with commas: ``("small", 1)`` is "small, 1"."""
    return ", ".join(map(str, name)) if isinstance(name, tuple) else str(name)
