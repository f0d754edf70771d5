"""The parts of a formula, as data. Nothing here knows a table."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from shoal.formula.tree import quote


@dataclass(frozen=True)
class Expression:
    """A piece of a formula that is computed from columns, e.g. ``log(exposure)``.

    Parameters
    ----------
    text : str
        The source text, columns with unusual names between backticks.
    columns : tuple of str
        Columns it names, without backticks, in order of appearance.
    span : tuple of int
        Where it stands in the formula; two equal expressions may differ in it.
    """

    text: str
    columns: tuple[str, ...]
    span: tuple[int, int] = field(compare=False, default=(0, 0))

    @property
    def is_column(self) -> bool:
        """True of a column as it is."""
        return len(self.columns) == 1 and self.text.strip("`") == self.columns[0]

    @property
    def name(self) -> str:
        """Its text, and that of a column without backticks."""
        return self.columns[0] if self.is_column else self.text


@dataclass(frozen=True)
class ResponseTerm:
    """Left-hand side: ``y | trials(n) + se(s) + weights(w)``, and what else may stand after its bar.

    Parameters
    ----------
    cens, cens_upper : Expression, optional
        Of ``cens(c, y2)``: how each response is censored, and the upper ends of intervals.
    trunc_lower, trunc_upper : Expression, optional
        Of ``trunc(lb, ub)``: the bounds of the response.
    rate : Expression, optional
        Of ``rate(d)``: the exposure, whose logarithm stands among the offsets.
    subset : Expression, optional
        Of ``subset(s)``: which rows have this response.
    thres, thres_gr : Expression, optional
        Of ``thres(n, gr=item)``: how many cutpoints each row's item has, and the column of items.
    columns : tuple of Expression
        Those of ``cbind(a, b, c)``, which together are the value; empty for a response of one column.
    vint, vreal : tuple of Expression
        Of ``vint(a, b)`` and ``vreal(a, b)``: columns for the user's own family, of whole numbers and of any.
    mi : bool
        ``mi()``: missing values are estimated. With `mi_se`, ``mi(s)``, all were measured with known errors.
    """

    value: Expression
    trials: Expression | None = None
    se: Expression | None = None
    se_sigma: bool = False
    weights: Expression | None = None
    cens: Expression | None = None
    cens_upper: Expression | None = None
    trunc_lower: Expression | None = None
    trunc_upper: Expression | None = None
    rate: Expression | None = None
    subset: Expression | None = None
    thres: Expression | None = None
    thres_gr: Expression | None = None
    mi: bool = False
    mi_se: Expression | None = None
    columns: tuple[Expression, ...] = ()
    vint: tuple[Expression, ...] = ()
    vreal: tuple[Expression, ...] = ()

    @property
    def truncated(self) -> bool:
        """Whether the response has bounds."""
        return self.trunc_lower is not None or self.trunc_upper is not None

    @property
    def coarse(self) -> bool:
        """Whether the response is censored or truncated."""
        return self.cens is not None or self.truncated

    @property
    def parts(self) -> tuple[Expression, ...]:
        """The response and all additions."""
        every = (getattr(self, f.name) for f in fields(self))
        each = (own if isinstance(own, tuple) else (own,) for own in every)
        return tuple(part for own in each for part in own if isinstance(part, Expression))


@dataclass(frozen=True)
class Membership:
    """How much a row belongs to each of its levels, in ``mm(g, h, weights=[v, w])``.

    Parameters
    ----------
    weights : tuple of Expression
        One a column; empty where all levels of a row count alike.
    scale : bool
        Weights are divided by their sum over the row.
    any_sum : bool
        Weights need not sum to one.
    """

    weights: tuple[Expression, ...] = ()
    scale: bool = True
    any_sum: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that the weights name."""
        return tuple(dict.fromkeys(c for weight in self.weights for c in weight.columns))

    @property
    def options(self) -> str:
        """The arguments of ``mm`` behind the columns, as text that follows a comma."""
        weights = f", weights=[{', '.join(w.text for w in self.weights)}]" if self.weights else ""
        return weights + ("" if self.scale else ", scale=False") + (", any_sum=True" if self.any_sum else "")


@dataclass(frozen=True)
class GroupTerm:
    """One ``(effects | factor)``.

    Parameters
    ----------
    effects : Expression
        Left of the bar as a right-hand side for formulaic, intercept explicit: ``1 + x`` or ``0 + x``.
    factor : tuple of str
        Columns whose combination names the level: ``("g",)``, or ``("a", "b")`` for ``a:b``. With a
        `membership`, columns each of which names a level.
    correlated : bool
        True for ``|``, False for ``||``.
    zero_sum : bool
        Effects are conditioned to sum to zero over the levels.
    dist : {"normal", "student"}
        Distribution of the effects over the levels.
    cov : str, optional
        Name the user gave to a known covariance between the levels; no column of the table.
    membership : Membership, optional
        A row belongs to several levels.
    by : str, optional
        A column of categories; levels of each have a spread of their own.
    id : str
        Name that terms of several linear predictors share whose effects are correlated; empty for none.
    """

    effects: Expression
    factor: tuple[str, ...]
    correlated: bool = True
    zero_sum: bool = False
    dist: str = "normal"
    cov: str | None = None
    id: str = ""
    membership: Membership | None = None
    by: str | None = None
    span: tuple[int, int] = field(compare=False, default=(0, 0))

    @property
    def name(self) -> str:
        """Name of the grouping factor, as in ``sd_<name>``: ``a:b``, or ``a+b`` of memberships."""
        return ("+" if self.membership else ":").join(self.factor)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that name levels, or say how much they count."""
        own = self.membership.columns if self.membership else ()
        return (*self.factor, *own, *([self.by] if self.by else []))


@dataclass(frozen=True)
class LatentTerm:
    """One ``latent(u | g)``: a quantity that was not measured, with one value for each level.

    Parameters
    ----------
    name : str
        What the quantity is called; no column of the table.
    factor : tuple of str
        Columns whose combination names the level: ``("g",)``, or ``("a", "b")`` for ``a:b``.
    """

    name: str
    factor: tuple[str, ...]
    span: tuple[int, int] = field(compare=False, default=(0, 0))


@dataclass(frozen=True)
class CurveTerm:
    """One ``s(x)``, ``t2(x, z)``, ``gp(x)``, ``mo(x)`` or ``car(W, gr=x)``.

    Parameters
    ----------
    function : {"s", "t2", "gp", "mo", "car"}
    predictors : tuple of Expression
    by : str, optional
        A column: of categories, each of which has a curve of its own, or of numbers, which multiply it.
    options : tuple of (str, object)
        The other arguments, such as the number k of basis functions, as they were given.
    """

    function: str
    predictors: tuple[Expression, ...]
    by: str | None = None
    options: tuple[tuple[str, object], ...] = ()
    span: tuple[int, int] = field(compare=False, default=(0, 0))

    @property
    def name(self) -> str:
        """What it is called: its text without options, ``s(x, by=f)``."""
        inside = [predictor.text for predictor in self.predictors]
        return f"{self.function}({', '.join(inside + ([f'by={self.by}'] if self.by else []))})"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it names, once each."""
        named = [c for predictor in self.predictors for c in predictor.columns]
        return tuple(dict.fromkeys([*named, *([self.by] if self.by else [])]))

    @property
    def matrix(self) -> str | None:
        """Name of a matrix that it needs."""
        given = dict(self.options).get("W")
        return None if given is None else str(given)


@dataclass(frozen=True)
class ImputedTerm:
    """One ``mi(x)``: a predictor whose missing values are estimated by a formula of its own.

    Parameters
    ----------
    column : str
        The response of that formula.
    se : str, optional
        Column of standard errors in ``me(x, s)``, where that formula is ``x | mi(s) ~ 1``.
    """

    column: str
    se: str | None = None
    span: tuple[int, int] = field(compare=False, default=(0, 0))

    @property
    def name(self) -> str:
        """What its coefficient is called."""
        return f"mi({self.column})" if self.se is None else f"me({self.column}, {self.se})"

    @property
    def formula(self) -> str:
        """What x is like, where no formula says it."""
        return f"{quote(self.column)} | mi({quote(self.se or '')}) ~ 1"


@dataclass(frozen=True)
class ResidualTerm:
    """One ``ar(t, gr=g)``, ``cosy(gr=g)``, ``unstr(t, gr=g)`` or ``sar(W)``: how residuals correlate.

    Parameters
    ----------
    function : {"ar", "cosy", "unstr", "sar"}
    time, factor : str, optional
        Columns.
    matrix : str, optional
        Name of the weights of neighbours, of ``sar``.
    type : str
        Of ``sar``: "lag" or "error".
    """

    function: str
    time: str | None
    factor: str | None
    matrix: str | None = None
    type: str = ""
    span: tuple[int, int] = field(compare=False, default=(0, 0))

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns it names."""
        return tuple(c for c in (self.time, self.factor) if c is not None)
