"""What every part of a model declares, each once: its parameters, its columns, its scales, its variables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.lines import Lines
from shoal.model.design import Design
from shoal.model.terms.variable import Variable
from shoal.priors import Prior

Draws = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Drawn:
    """Draws of the engine as terms read them.

    Attributes
    ----------
    values : mapping
        Hyperparameters by name, (chain, draw) each.
    h : (chain, draw, H) array
        All numbers of the engine's hyperparameters.
    points : (chain, draw, E) array
        The elements of v and x that were kept.
    where : (nv + nx,) int array
        Place of each element in `points`, -1 if it was not kept.
    nv : int
        Number of elements of v, before those of x.
    order : (nx,) int array
        Place of each effect in x after the engine has reordered them.
    """

    values: Mapping[str, np.ndarray]
    h: np.ndarray
    points: np.ndarray
    where: np.ndarray
    nv: int
    order: np.ndarray

    def elements(self, places: np.ndarray) -> np.ndarray:
        """Return draws of elements of (v, x), (chain, draw, *places.shape)."""
        where = self.where[places]
        flat = where.ravel()
        if flat.size and (np.diff(flat) == 1).all():  # neighbours need no copy
            view = self.points[..., flat[0] : flat[-1] + 1]
            return view.reshape(*view.shape[:-1], *where.shape)
        return self.points[..., where]

    def keeps(self, places: np.ndarray) -> bool:
        """Return True if draws of these elements were kept."""
        return bool((self.where[places] >= 0).all())


@dataclass(frozen=True)
class Judged:
    """A prior, and the values at which it is to be taken.

    Attributes
    ----------
    name : str
        As the prior is called.
    values : tuple of (chain, draw, ...) arrays
        Independent under the prior; none if draws do not tell them.
    constant : float
        What their joint log density has besides the sum.
    limit : str
        What the density leaves out.
    prior : Prior, optional
        Of these values, where it is not the prior of that name.
    """

    name: str
    values: tuple[np.ndarray, ...]
    constant: float = 0.0
    limit: str = ""
    prior: Prior | None = None


class Term(ABC):
    """A part of a model."""

    @abstractmethod
    def variables(self) -> Iterator[Variable]:
        """Yield the variables of the posterior that the term owns."""

    @abstractmethod
    def hyperparameters(self) -> Mapping[str, Prior]:
        """Return the priors of what is sampled on its own scale."""

    @abstractmethod
    def place(self, builder: Builder, before: Sequence[Placed]) -> Placed:
        """Declare the term to the engine.

        Parameters
        ----------
        builder : Builder
            All hyperparameters have their places already.
        before : sequence of Placed
            The terms that stand before this one.
        """

    @abstractmethod
    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        """Return draws (size, ...) of the term's variables from their priors.

        Parameters
        ----------
        given : mapping
            Draws of the terms before this one; the draws returned replace those of the same name.
        """

    def reported(self, draws: Draws) -> dict[str, np.ndarray]:
        """Return draws as they are reported: of a sign that says nothing, one."""
        return dict(draws)

    def judged(self, draws: Draws) -> Iterator[Judged]:
        """Yield the priors of numbers that stand for themselves, with the posterior's values of these.

        The distribution of effects given their standard deviations belongs to the model, and so does that of
        slopes given what they share under a shrinkage prior.
        """
        yield from ()

    def predictor(self, design: Design, draws: Draws) -> np.ndarray | float:
        """Return what the term adds to the linear predictor of the rows, (..., N).

        Parameters
        ----------
        design : Design
            Of a response.
        draws : mapping of arrays
            Variables by name, with any common leading axes, or none.
        """
        return 0.0

    def phi(self, design: Design, draws: Draws) -> dict[str, np.ndarray]:
        """Return parameters of the response's family, by the family's names, beside (..., N) predictors."""
        return {}

    def summands(self, design: Design) -> list[str]:
        """Return what the term adds to the printed linear predictor."""
        return []

    def equations(self, design: Design) -> list[str]:
        """Return the distributions that the term states, as they are printed."""
        return []


class Placed(ABC):
    """A term whose numbers have their places in a problem."""

    term: Term

    @abstractmethod
    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        """Return draws of the term's variables, (chain, draw, ...): those that were kept."""

    def lines(self, design: Design, first: np.ndarray) -> Lines | None:
        """Return the entries of J in some rows of a response, None where the term has none there."""
        return None

    def offset(self, design: Design, first: np.ndarray) -> np.ndarray | float:
        """Return the known part of some rows' linear predictor, (M,)."""
        return 0.0

    def phi(self, design: Design, block: int) -> list[int]:
        """Return places in h of parameters of the response's family, in the order of its row function.

        `block` is one of `Design.blocks`: the cutpoints of its rows.
        """
        return []

    def complete(self, builder: Builder, placed: Sequence[Placed]) -> np.ndarray:
        """Declare what needs the places of other terms, and rows of the term's own.

        Returns
        -------
        (lines,) array
            Linear predictors of these rows, near which the search for the mode begins.
        """
        return np.zeros(0)

    def small(self) -> np.ndarray:
        """Return the elements of v that are always kept: few, whatever the number of levels."""
        return np.zeros(0, np.int64)

    def large(self, nv: int, order: np.ndarray) -> np.ndarray:
        """Return the elements of (v, x) that are one value a level.

        Parameters
        ----------
        nv : int
            Number of elements of v, before those of x.
        order : (nx,) int array
            Place of each effect in x after the engine has reordered them.
        """
        return np.zeros(0, np.int64)


def seen(placed: Sequence[Placed], design: Design, rows: np.ndarray) -> tuple[Lines, np.ndarray]:
    """Return the lines of J and the offsets of some rows, from all terms."""
    there = [part for own in placed if (part := own.lines(design, rows)) is not None]
    offset = np.zeros(len(rows))
    for own in placed:
        offset += own.offset(design, rows)
    return Lines(*(np.concatenate(columns) for columns in zip(*there, strict=True))), offset
