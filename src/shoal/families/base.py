"""What a response family must say about itself; nothing else in Shoal knows a family by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from shoal.errors import ModelError, meant
from shoal.families.evaluated import Evaluated
from shoal.families.row_functions import RowFunction
from shoal.families.rows import Rows
from shoal.priors import Prior

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["Family", "Rows"]


class Family(Evaluated, ABC):
    """Base of all families. Instances are immutable, hashable and compared by class, link and categories.

    Parameters
    ----------
    link : str, optional
        One of `links`; the first of them by default.

    Attributes
    ----------
    name : str
        As the user writes and as printed.
    links : tuple of str
        Links of the mean (or of the probability) that the family has.
    link : str
        The one in use.
    takes : frozenset of {"trials", "se", "vint", "vreal"}
        Additions to the response that the family understands.
    requires : frozenset of str
        Those of them that it cannot do without.
    row_functions : dict of RowFunction
        By link: log density, score, curvature and slopes of a block of rows, compiled.
    interval_functions : dict of RowFunction
        By link, those of ``log P(a < y <= b)``, by which rows may be censored or truncated; b stands where
        a row function has `y`, a where it has `trials`. Empty of families that cannot be.
    newton_steps : int
        Newton steps from `start` after which the conditional mode is close enough for efficient
        sampling (exactness never depends on it).
    linear_gaussian : bool
        `normal_response` is normal around the linear predictor with standard deviation `sigma` (and
        known errors): effects integrate out exactly.
    log_concave : bool
        The density is log-concave in the linear predictor, and the curvature its exact one, where it has one.
    kinked : bool
        The log density has kinks in the linear predictor, so that Laplace's approximation jumps a little.
    independent_trials : bool
        The trials of a row are independent given its linear predictor.
    discrete : bool
        The response is a whole number or a category, and has a probability rather than a density.
    categorical : bool
        The response is a category, and `mean` the probability of each.
    ordinal : bool
        Its categories are ordered, and ``phi["cutpoints"]`` are parameters beside the scalar ones of
        `parameters`.
    specific : bool
        Each cutpoint adds something of its own to the linear predictor, ``cs(x)``: the row function takes the
        common predictor and, of each cutpoint, what it adds.
    cut : bool
        Cutpoints stand where an Intercept would.
    joint : bool
        The parameters of `together` have linear predictors, and the row function takes all of these at once:
        the response's own, which is zero, and theirs.
    several : bool
        The response has several columns, and `mean` and `draw` a number for each.
    joint_rows : RowFunction, optional
        That of several responses of a row whose residuals correlate; of gaussian ones sums of squares stand
        in its place.
    of_row : tuple of str
        Parameters that these responses share, which follow their sigmas.
    ordered_cutpoints : bool
        The cutpoints of an ordinal family increase.
    wider : str
        What to take where rows scatter more than the family expects, in a sentence.
    n_cutpoints : int
        Number of cutpoints of an ordinal family, once its categories are known (`with_categories`).

    Raises
    ------
    ModelError
        If the family has no such link.
    """

    name: ClassVar[str]
    links: ClassVar[tuple[str, ...]]
    takes: ClassVar[frozenset[str]] = frozenset()
    requires: ClassVar[frozenset[str]] = frozenset()
    newton_steps: ClassVar[int] = 5
    linear_gaussian: ClassVar[bool] = False
    log_concave: ClassVar[bool] = False
    kinked: ClassVar[bool] = False
    independent_trials: ClassVar[bool] = False
    discrete: ClassVar[bool] = False
    categorical: ClassVar[bool] = False
    cut: ClassVar[bool] = False
    several: ClassVar[bool] = False
    joint_rows: ClassVar[RowFunction | None] = None
    of_row: ClassVar[tuple[str, ...]] = ()
    ordered_cutpoints: ClassVar[bool] = False
    wider: ClassVar[str] = ""
    n_cutpoints: int = 0
    specific: bool = False

    def __init__(self, link: str | None = None):
        if link is not None and link not in self.links:
            raise ModelError(
                "unknown-link",
                f"Family {self.name!r} has no link {link!r}.",
                f"Its links: {', '.join(self.links)}.",
                meant(str(link), self.links),
            )
        self.link = link or self.links[0]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Family):
            return NotImplemented
        mine = (type(self), self.link, self.n_cutpoints, self.specific)
        return mine == (type(other), other.link, other.n_cutpoints, other.specific)

    def __hash__(self) -> int:
        return hash((type(self), self.link, self.n_cutpoints))

    def __str__(self) -> str:
        """Return what `get_family` reads: the name, with the link if it is not the default."""
        return self.name if self.link == self.links[0] else f"{self.name}({self.link})"

    def __repr__(self) -> str:
        return f"<family {self}>"

    @abstractmethod
    def distribution(self, known_se: bool, se_sigma: bool) -> str:
        """Return the distribution of a row as printed, e.g. ``Normal(eta, sigma)``."""

    def parameter_prior(self, name: str, rows: Rows) -> Prior:
        """Return the default prior of a scalar parameter, with support "positive", "unit" or "real"."""
        raise ModelError("parameter-not-of-family", f"Family {self.name!r} has no parameter {name!r}.")

    @abstractmethod
    def check(self, rows: Rows, name: str) -> None:
        """Raise `DataError` if the response column `name` is outside the family's support."""

    @abstractmethod
    def scale(self, rows: Rows) -> tuple[float, float]:
        """Return a location and a scale of the response on the link's scale, for default priors."""

    def quantiles(self, rows: Rows) -> np.ndarray:
        """Return cutpoints (C,) that give each category of an ordinal family the share it has."""
        return np.zeros(0)

    @abstractmethod
    def no_pooling_sd(self, rows: Rows) -> float:
        """Return the sd of the fixed wide prior of level intercepts fitted without pooling."""

    @property
    def plain(self) -> Family:
        """Return the family of rows that are observed, and not truncated: this one."""
        return self

    @abstractmethod
    def start(self, rows: Rows) -> np.ndarray:
        """Return a linear predictor near each row's own estimate, free of all parameters."""

    def normal_response(self, rows: Rows) -> np.ndarray:
        """Return what is normal around the linear predictor, as all `linear_gaussian` rows are."""
        return np.asarray(rows.y)

    @abstractmethod
    def draw(self, rng: np.random.Generator, rows: Rows, eta: np.ndarray, phi: dict[str, Any]) -> np.ndarray:
        """Return simulated responses, shaped like `eta`; arguments as those of `mean`.

        Of families of several columns with a new last axis, a number for each.
        """

    @abstractmethod
    def mean(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        """Return the expected response of each row, shaped like `eta`.

        For families of categories: the probability of each, along a new last axis; for those of several
        columns, what is expected of each.

        Parameters
        ----------
        rows : Rows
            Of N entries each; the response itself is not looked at.
        eta : (..., N) array
        phi : dict
            Parameters that broadcast against `eta`, such as (..., 1); ``phi["cutpoints"]`` is (..., 1, C).
        """

    def variance(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        """Return the variance of each row's response around `mean`, shaped like `eta`; arguments as of that.

        Raises
        ------
        ModelError
            Of a response that has no variance, or a family that does not say what it is.
        """
        raise ModelError(
            "family-without-variance",
            f"Family {self.name!r} does not say what the variance of a response is.",
            "R2 compares it with the variance of the means.",
        )

    def mean_between(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        """Return the expected response of each row given that it is within the row's bounds, as `mean`.

        Of families that have interval functions, as is `in_scipy`.
        """
        raise ModelError(
            "family-without-mean", f"Family {self.name!r} does not say what its mean between bounds is."
        )

    def in_scipy(self, rows: Rows, eta: Any, phi: dict[str, Any]) -> Any:
        """Return the distribution of the response of each row as SciPy has it; arguments as of `mean`.

        Import `scipy.stats` here and not above: it takes half a second, which most processes need not wait.
        """
        raise ModelError(
            "family-without-distribution",
            f"Family {self.name!r} does not say what its distribution is in SciPy.",
        )

    @abstractmethod
    def residual_variance(self, rows: Rows, phi: dict[str, Any]) -> Any:
        """Return the variance of a row around its linear predictor, on the link's scale.

        None where there is no single one: where it depends on the mean, as in counts with a log link.
        """

    def log_constant(self, rows: Rows) -> np.ndarray:
        """Return the part of each row's log density free of all parameters."""
        return np.zeros(len(rows.y))

    def merge(self, rows: Rows, index: np.ndarray, size: int) -> Rows | None:
        """Return the sufficient statistics of rows that share every predictor, or None if there are none.

        Parameters
        ----------
        index : (N,) int array
            Merged row of each row.
        size : int
            Number of merged rows.
        """
        return None

    def edges(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Return which rows sit at the lower and at the upper end of the response's range.

        At such a row the log density keeps rising as the linear predictor goes to minus or plus infinity.
        """
        nowhere = np.zeros(len(rows.y), bool)
        return nowhere, nowhere

    def encode(self, values: np.ndarray | pd.Series, name: str) -> tuple[np.ndarray, tuple[Any, ...]]:
        """Return codes 0 to J - 1 of a categorical response and the labels of its categories."""
        raise ModelError("family-without-categories", f"Family {self.name!r} has no categories.")

    def with_categories(self, labels: Sequence[Any]) -> Family:
        """Return the family of a response with these categories."""
        raise ModelError("family-without-categories", f"Family {self.name!r} has no categories.")
