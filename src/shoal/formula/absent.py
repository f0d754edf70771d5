"""Terms of other programs that have no equal here: what each is, and the nearest formula."""

from __future__ import annotations

from collections.abc import Callable

from shoal.errors import FormulaError
from shoal.formula.suggestions import rewrite
from shoal.formula.tree import Call, Column, Node, Number, Text, unparse

_DF = 6
# What is near a call, in a sentence, and the piece of a formula.
Near = tuple[str, str]


def absent(call: Call, formula: str) -> FormulaError | None:
    """Return the error for a term that Shoal does not have yet, None for what is no such term."""
    known = _ABSENT.get(call.function)
    if known is None:
        return None
    what, near = known
    said, piece = near(call) if call.arguments else _nothing(call)
    return FormulaError(
        "not-available",
        f"Found {unparse(call)}: {what} are not available yet.",
        said,
        rewrite(formula, call.span, piece) if piece else "" if said else "Leave it out; brms has them.",
        formula=formula,
        span=call.span,
    )


def _smooth(call: Call) -> Near:
    """Offer the smooths that there are: of one predictor s(x), of several t2(x, z)."""
    columns = ", ".join(map(unparse, call.arguments))
    if len(call.arguments) > 1:
        return "A smooth surface is t2(...).", f"t2({columns})"
    return "A smooth of one predictor is s(x).", f"s({columns})"


def _process(call: Call) -> Near:
    """Offer ``gp(x)``; numbers of basis functions and boundaries are chosen by rules."""
    if len(call.arguments) > 1:
        return _smooth(call)
    options = dict(call.keywords)
    kept = {"m": "k", "c": "c", "by": "by"}
    given = [f"{kept[key]}={unparse(value)}" for key, value in options.items() if key in kept]
    return "A Gaussian process is gp(x).", f"gp({', '.join([unparse(call.arguments[0]), *given])})"


def _natural(call: Call) -> Near:
    given = [*call.arguments[1:2], *(value for key, value in call.keywords if key == "df")]
    size = _whole(given[0] if given else None, least=2)
    piece = f"cr({unparse(call.arguments[0])}, df={size}, constraints='center')"
    return "A natural cubic spline, through knots of another kind, is cr(x, df=...).", piece


def _product(call: Call) -> Near:
    return "Main effects and interactions fit the same means.", "*".join(map(unparse, call.arguments))


def _list(call: Call) -> Near:
    each = ", ".join(f"sl.Response('{unparse(argument)} ~ ...')" for argument in call.arguments)
    return f"Several responses are a list, with a formula each: [{each}].", ""


def _number(call: Call) -> Near:
    column = call.arguments[0]
    if not isinstance(column, Column):
        return _nothing(call)
    own = f"data[{column.name!r}]"
    return f"A column is converted in the table: {own} = pandas.to_numeric({own}).", unparse(column)


def _zero_one(call: Call) -> Near:
    match call.arguments:
        case (Column(name=name) as column, Text() | Number() as level):
            own = f"data[{name!r}]"
            said = f"A column is converted in the table: {own} = ({own} == {level.value!r}).astype(int)."
            return said, unparse(column)
    return _nothing(call)


def _residual(call: Call) -> Near:
    return "Autoregressive residuals are ar(time, gr=g), outside parentheses.", ""


def _nothing(call: Call) -> Near:
    return "", ""


def _whole(node: Node | None, least: int) -> int:
    """Return a whole number that the user gave, if it is one and large enough."""
    given = node.value if isinstance(node, Number) else None
    return given if isinstance(given, int) and given >= least else _DF


_ABSENT: dict[str, tuple[str, Callable[[Call], Near]]] = {
    **dict.fromkeys(("te", "ti", "lo"), ("smooths of this kind", _smooth)),
    "hsgp": ("Gaussian processes under this name", _process),
    "ns": ("the natural splines of R", _natural),
    "mmc": ("values of a predictor for each membership", _nothing),
    "mvbind": ("several responses in one formula", _list),
    "interaction": ("factors of combinations, outside a bar,", _product),
    **dict.fromkeys(("as.numeric", "as.integer", "as.double"), ("conversions", _number)),
    "binary": ("conversions", _zero_one),
    **dict.fromkeys(("ma", "arma"), ("moving averages of residuals", _nothing)),
    "ar1": ("correlated effects of times", _residual),
}
