"""What a compiled program is made for: the static shape of a posterior.

theta, the vector that is sampled, holds the free hyperparameters on the real line, one slot each (`hyper`).
Everything else that is Gaussian given theta (group effects, coefficients with a normal prior) is
standardised into `blocks.Effects` with independent standard normal priors:

* the effects of the grouping factor with most of them, the *main* factor, level by level;
* the *border*: the effects of the other factors, then the population coefficients.

A level's effects enter the linear predictor as ``z (Λ u)``: u its standardised effects, Λ (`Hyper.lam`) made
of standard deviations, correlations and loadings, z the row's values.
"""

from __future__ import annotations

from dataclasses import dataclass

from shoal.families import Family
from shoal.priors import Prior, Shrinkage


@dataclass(frozen=True)
class Slot:
    """One coordinate of theta: its name, and the class of its prior."""

    name: str
    prior: type[Prior]


@dataclass(frozen=True)
class Factor:
    """Static part of a grouping factor: K standardised effects a level, J columns in the rows.

    Attributes
    ----------
    name : str
    levels : int
        G.
    sd, partial : tuple of int
        Where in the values the standard deviations of the ordinary effects and the partial correlations
        (in the order of `groups.partial_positions`) stand.
    blocks : tuple of tuple of int
        Correlated sets of the ordinary effects.
    latents : int
        Standard normal effects after the ordinary ones.
    loadings : tuple of (int, int)
        For each column after those of the ordinary effects: its latent, and where in the values its loading
        stands.
    zero_sum : tuple of bool
        For each ordinary effect, whether it sums to zero over the levels.
    student : tuple of (tuple of int, int)
        Sets of effects that are multivariate Student-t, and where in the values their degrees of freedom
        stand.
    known : bool
        Levels have a known covariance.
    dense : bool
        In the border: so many of its levels meet each level of the main factor that dense products are
        faster.
    matched : tuple of int
        For each ordinary effect, the population column of the same name, or -1.
    """

    name: str
    levels: int
    sd: tuple[int, ...]
    partial: tuple[int, ...] = ()
    blocks: tuple[tuple[int, ...], ...] = ()
    latents: int = 0
    loadings: tuple[tuple[int, int], ...] = ()
    zero_sum: tuple[bool, ...] = ()
    student: tuple[tuple[tuple[int, ...], int], ...] = ()
    known: bool = False
    dense: bool = True
    matched: tuple[int, ...] = ()

    @property
    def effects(self) -> int:
        """Standardised effects of a level, K."""
        return len(self.sd) + self.latents

    @property
    def columns(self) -> int:
        """Columns of z, J."""
        return len(self.sd) + len(self.loadings)


@dataclass(frozen=True)
class Shrinking:
    """Static part of a shrinkage prior.

    Attributes
    ----------
    kind : type of Shrinkage
    columns : tuple of int
        Its slopes among the normal columns.
    common, own : tuple of int
        Where in the values the shared hyperparameters and those of each slope stand.
    sigma : int
        Where sigma stands, the unit of all scales; -1 where the response has none.
    """

    kind: type[Shrinkage]
    columns: tuple[int, ...]
    common: tuple[int, ...]
    own: tuple[int, ...]
    sigma: int = -1


@dataclass(frozen=True)
class ResponseShape:
    """Static part of one response.

    Attributes
    ----------
    family : Family
    phi : tuple of (str, int)
        The family's scalar parameters and where they stand in the values.
    gaps : tuple of int
        Where the gaps between cutpoints stand.
    live : bool
        Gaussian rows with one common sigma (or none): exactly quadratic in the effects at every theta.
    """

    family: Family
    phi: tuple[tuple[str, int], ...]
    gaps: tuple[int, ...] = ()
    live: bool = False


@dataclass(frozen=True)
class Structure:
    """Static part of a posterior; hashable, the key of every compiled program.

    Attributes
    ----------
    responses : tuple of ResponseShape
    slots : tuple of Slot
        Coordinates of theta.
    names : tuple of str
        Names of the hyperparameter values: those of `slots`, then the fixed ones.
    coefficients : tuple of int
        Where in the values the coefficients with non-normal priors stand.
    main : Factor or None
        The factor that is eliminated level by level.
    border : tuple of Factor
        The others, sparse ones first.
    n_normal : int
        p, population coefficients with normal priors.
    shrinking : tuple of Shrinking
    """

    responses: tuple[ResponseShape, ...]
    slots: tuple[Slot, ...]
    names: tuple[str, ...]
    coefficients: tuple[int, ...]
    main: Factor | None
    border: tuple[Factor, ...]
    n_normal: int
    shrinking: tuple[Shrinking, ...] = ()

    @property
    def n_theta(self) -> int:
        """Length of theta."""
        return len(self.slots)

    @property
    def factors(self) -> tuple[Factor, ...]:
        """All grouping factors, the main one first."""
        return (*((self.main,) if self.main else ()), *self.border)

    @property
    def main_shape(self) -> tuple[int, int]:
        """K and G of the main factor; 0 and 0 if there is none."""
        return (self.main.effects, self.main.levels) if self.main else (0, 0)

    @property
    def n_border(self) -> int:
        """Length of the standardised border, R."""
        return sum(f.effects * f.levels for f in self.border) + self.n_normal

    @property
    def n_sparse(self) -> int:
        """Columns of the border's sparse factors."""
        return sum(f.columns * f.levels for f in self.border if not f.dense)

    @property
    def n_dense(self) -> int:
        """Columns of the border's dense factors, population coefficients aside."""
        return sum(f.columns * f.levels for f in self.border if f.dense)

    @property
    def n_latent(self) -> int:
        """Length of the standardised effects."""
        size, levels = self.main_shape
        return size * levels + self.n_border

    @property
    def quadratic(self) -> bool:
        """The log density is quadratic in all effects at every theta: they integrate out exactly."""
        return all(r.live for r in self.responses) and not any(f.student for f in self.factors)

    @property
    def zero_sum(self) -> bool:
        """Some effects sum to zero."""
        return any(any(f.zero_sum) for f in self.factors)
