"""What every part of a model declares, each once: its parameters, its columns, its scales, its variables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from shoal.engine.build import Builder, Lines
from shoal.model.design import Design
from shoal.priors import Prior

Variables = dict[str, tuple[tuple[str, ...], np.ndarray]]


@dataclass(frozen=True)
class Drawn:
    """Draws as terms read them.

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


class Placed(ABC):
    """A term whose numbers have their places in a problem."""

    @abstractmethod
    def lines(self, design: Design, first: np.ndarray) -> Lines | None:
        """Return the entries of J in some rows of a response, None where the term has none there."""

    @abstractmethod
    def variables(self, design: Design, drawn: Drawn) -> Variables:
        """Return the posterior variables of a response that the term owns, effects left out."""

    def effects(self, drawn: Drawn) -> Variables:
        """Return the posterior variables that have one value a level."""
        return {}

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


class Term(ABC):
    """A part of a model."""

    @abstractmethod
    def parameters(self) -> Mapping[str, Prior]:
        """Return the priors of the term's hyperparameters: what is sampled on its own scale."""

    @abstractmethod
    def place(self, builder: Builder) -> Placed:
        """Declare the term; its hyperparameters, and those of terms before it, have their places already."""
