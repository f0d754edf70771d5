"""The functions a formula may call, by what they may do. Nothing else can be named."""

from __future__ import annotations

import keyword
from collections.abc import Callable

from shoal.errors import FormulaError

ELEMENTWISE = ("log", "log2", "log10", "log1p", "exp", "expm1", "sqrt", "abs", "tanh", "I")
# Literal arguments after the data, in the order in which they may be given without a name.
STANDARDISING = {"center": (), "scale": ("center", "scale", "ddof")}
# Of an expression and a grouping factor, g or a:b.
GROUPED = ("group_mean",)
_CUBIC = ("df", "knots", "lower_bound", "upper_bound", "constraints", "extrapolation")
BASES = {
    "poly": ("degree", "raw"),
    "bs": ("df", "knots", "degree", "include_intercept", "lower_bound", "upper_bound", "extrapolation"),
    "cs": _CUBIC,
    "cr": _CUBIC,
    "cc": _CUBIC,
}
# Of one predictor or several, with options; `shoal.formula.curves` reads them.
CURVES = ("s", "t2", "gp", "mo", "car")
# How residuals correlate; `shoal.formula.residuals` reads them.
RESIDUALS = ("ar", "cosy", "unstr", "sar")
CONTRASTS = {
    "contr.treatment": ("base",),
    "contr.sum": (),
    "contr.helmert": ("reverse", "scale"),
    "contr.poly": ("scores",),
    "contr.diff": ("backward",),
}
# What each special call is for; they are read by `shoal.formula.parser`, never computed.
SPECIAL = {
    "trials": "trials(n) stands left of '~': y | trials(n) ~ x.",
    "se": "se(s) stands left of '~': y | se(s) ~ x.",
    "weights": "weights(w) stands left of '~': y | weights(w) ~ x.",
    "offset": "offset(o) stands alone right of '~', outside parentheses: y ~ x + offset(o).",
    "gr": "gr(g) stands right of a bar: (1 | gr(g, zero_sum=True)).",
    "mi": "mi(x) stands alone right of '~', outside parentheses: y ~ z + mi(x).",
    "me": "me(x, s) stands alone right of '~', outside parentheses: y ~ z + me(x, s).",
    "mm": "mm(g, h) stands right of a bar: (1 | mm(g, h)).",
    "latent": "latent(u | g) stands alone right of '~', outside parentheses: y ~ x + latent(u | g).",
    **{
        name: f"{name}(...) stands alone right of '~': y ~ z + {name}(x). It is no part of others."
        for name in CURVES
    },
    **{
        name: f"{name}(...) stands alone right of '~': y ~ x + {name}(gr=g). It says how residuals correlate."
        for name in RESIDUALS[:3]
    },
    "sar": "sar(...) stands alone right of '~': y ~ x + sar(W). It says how rows depend on their neighbours.",
}

# What other programs call terms of another name here, and what belongs outside a formula.
ELSEWHERE = {
    "bf": "A formula stands alone; those of parameters are predictors={'sigma': '~ z'}.",
    "brmsformula": "A formula stands alone; those of parameters are predictors={'sigma': '~ z'}.",
    "c": "Several responses are a list of sl.Response; columns of one response are cbind(a, b).",
    "cbind": "cbind(a, b) stands left of '~' and takes two columns or more.",
    "monotonic": "A monotonic effect is mo(x).",
    "lag": "The value before is a column: data['before'] = data.groupby('g')['x'].shift().",
    "dummy": "Categories have coefficients as they are: y ~ g, or y ~ C(g).",
}

_registered: dict[str, Callable] = {}


def register_function(name: str, function: Callable) -> None:
    """Let formulas call an elementwise function of your own.

    Parameters
    ----------
    name : str
        An identifier that is not listed already and does not start with an underscore.
    function : callable
        Takes float64 arrays of shape (N,), one for each argument, and returns one of shape (N,).

    Raises
    ------
    FormulaError
        If the name cannot be used, or `function` cannot be called.

    Notes
    -----
    The function belongs to this process: register it again before a saved result that uses it predicts.
    """
    given: object = name  # by callers without types
    if not isinstance(given, str) or not name.isidentifier() or keyword.iskeyword(name) or name[0] == "_":
        raise FormulaError(
            "function-not-registered",
            f"A function cannot be registered as {name!r}.",
            "A name is letters, digits and underscores, starts with a letter, and is no Python keyword.",
        )
    if name in SPECIAL or name in listed() and name not in _registered:
        raise FormulaError(
            "function-not-registered",
            f"{name}() is already part of formulas.",
            "A new name was needed.",
            "Choose another.",
        )
    if not callable(function):
        raise FormulaError(
            "function-not-registered",
            f"{name!r} is of type {type(function).__name__}.",
            "A function was needed.",
        )
    _registered[name] = function


def registered(name: str) -> Callable | None:
    """Return the function a user registered under `name`, if any."""
    return _registered.get(name)


def listed() -> tuple[str, ...]:
    """Return every function that may be called inside terms."""
    return (*ELEMENTWISE, *STANDARDISING, *GROUPED, *BASES, "C", *_registered)
