"""Where the sides of a hypothesis about one number are equal, and how fast their difference changes there.

The ratio of two densities of ``f(x)`` at 0 is that of ``sum over roots x_i of p(x_i) / |f'(x_i)|``: of a
monotone f it is the ratio at the root itself, whatever f.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import expit

from shoal.errors import ModelError, listing
from shoal.estimands.hypotheses.reader import Hypothesis
from shoal.formula.evaluate import compute
from shoal.formula.tree import Call, Chain, Column, Node, Power, Signed

STEPS = 4_000  # of a grid, between whose points there is at most one root
MOST = 50  # roots
TOUCHING = 1e-9  # of what f is beside a turning point: there it is 0 but for rounding
HALVINGS = 1_100  # that separate any two numbers
EXPONENTS = np.unique(np.concatenate([np.linspace(-300, 300, STEPS), np.linspace(-6, 6, STEPS)]))
SLOPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "log": lambda x: 1 / x,
    "log2": lambda x: 1 / (x * math.log(2)),
    "log10": lambda x: 1 / (x * math.log(10)),
    "log1p": lambda x: 1 / (1 + x),
    "exp": np.exp,
    "expm1": np.exp,
    "sqrt": lambda x: 0.5 / np.sqrt(x),
    "abs": np.sign,
    "tanh": lambda x: 1 - np.tanh(x) ** 2,
}


def roots(hypothesis: Hypothesis, draws: np.ndarray, support: str) -> list[tuple[float, float]]:
    """Return where a hypothesis about one quantity holds with equality, and the derivative there.

    Parameters
    ----------
    draws : array
        Of the quantity: between them the grid is fine.
    support : {"real", "positive", "unit", "correlation"}
        Values that the quantity can have; its bounds are not looked at.

    Raises
    ------
    ModelError
        If there is no such value, or the difference of the sides does not change there.
    """

    def f(x: np.ndarray) -> np.ndarray:
        return hypothesis.difference(lambda name: x, finite=False)

    with np.errstate(all="ignore"):
        grid = _grid(draws, support)
        value = f(grid)
        grid, value = grid[~np.isnan(value)], value[~np.isnan(value)]
        # Where rounding makes f 0 at several points, the root is 0 if that is among them, or in their middle.
        signed = np.flatnonzero(value)
        crossed = np.flatnonzero(np.sign(value[signed[:-1]]) * np.sign(value[signed[1:]]) < 0)
        ends = [(int(signed[i]), int(signed[i + 1])) for i in crossed]
        each = [_bisect(f, grid[i], grid[j]) if j == i + 1 else _middle(grid[i : j + 1]) for i, j in ends]
        found = [root for root in each if root is not None]
        touched = _touched(hypothesis, f, grid, value)
        _check_number(hypothesis, len(found) + len(touched))
        slopes = [float(_slope(hypothesis, np.asarray(x))) for x in found]
    unbounded = (x for x, slope in zip(found, slopes, strict=True) if slope == 0 or not math.isfinite(slope))
    flat = [*touched, *unbounded]
    if flat:
        raise ModelError(
            "no-density-at-point",
            f"The difference of the two sides has no finite density at 0: its slope is 0 or has no bound at "
            f"{flat[0]:g}.",
            "A hypothesis about the parameter itself, or an interval.",
            f"Such as 'x = {flat[0]:g}', or rope=(-0.1, 0.1).",
        )
    return list(zip(found, slopes, strict=True))


def _check_number(hypothesis: Hypothesis, count: int) -> None:
    where = f"in the range of {listing(hypothesis.quantities)}"
    remedy = "Test a direction, or an interval: rope=(lower, upper)."
    if not count:
        raise ModelError(
            "point-beyond-prior",
            f"The two sides cross nowhere {where}: all values are on one side of the point.",
            "A point inside the prior's support, where the ratio of densities has a meaning.",
            remedy,
        )
    if count > MOST:
        found = f"The two sides are equal at more than {MOST} points {where}."
        raise ModelError("too-many-points", found, f"At most {MOST} points.", remedy)


def _touched(
    hypothesis: Hypothesis, f: Callable[[np.ndarray], np.ndarray], grid: np.ndarray, value: np.ndarray
) -> list[float]:
    """Return where f touches 0 without crossing it: a turning point, beside which it is far from 0."""

    def slope(x: np.ndarray) -> np.ndarray:
        return _slope(hypothesis, x) + np.zeros_like(x)

    signs = np.sign(slope(grid))
    turns = np.flatnonzero((signs[:-1] * signs[1:] < 0) & (value[:-1] * value[1:] > 0))
    places = [_turn(slope, grid[i], grid[i + 1]) for i in turns]
    # Neighbours of a root at which f and its slope are 0 by rounding are one root.
    level = np.flatnonzero((signs == 0) & (value == 0))
    runs = np.split(level, np.flatnonzero(np.diff(level) > 1) + 1) if level.size else []
    zeros = [_middle(grid[run]) for run in runs]
    beside = np.minimum(np.abs(value[turns]), np.abs(value[turns + 1]))
    near = [abs(float(f(np.asarray(x)))) <= TOUCHING * b for x, b in zip(places, beside, strict=True)]
    return zeros + [float(x) for x, there in zip(places, near, strict=True) if there]


def _turn(slope: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> float:
    """Return where a slope changes its sign, whether it passes through 0 or jumps."""
    rising = slope(np.asarray(low)) < 0
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        if not low < middle < high:
            break
        at = slope(np.asarray(middle))
        if at == 0:
            return middle
        low, high = (middle, high) if (at < 0) == rising else (low, middle)
    return low


def _grid(draws: np.ndarray, support: str) -> np.ndarray:
    """Return points inside the support: some near any bound and of any size, many between the draws."""
    low, high = float(draws.min()), float(draws.max())
    near = np.linspace(low - (high - low), high + (high - low), STEPS)
    if support in ("unit", "correlation"):
        share = expit(np.linspace(-36, 36, STEPS))
        far = share if support == "unit" else np.concatenate([share - 1, [0.0], 1 - share])
        inside = (near > (0.0 if support == "unit" else -1.0)) & (near < 1)
        grid = np.concatenate([far[np.abs(far) < 1], near[inside]])
    else:
        far = 10.0**EXPONENTS
        grid = np.concatenate([far, near[near > 0]])
        if support == "real":
            grid = np.concatenate([-far, [0.0], far, near])
    return np.unique(grid)


def _middle(grid: np.ndarray) -> float:
    return 0.0 if grid[0] <= 0 <= grid[-1] else float(grid[len(grid) // 2])


def _bisect(f: Callable[[np.ndarray], np.ndarray], low: float, high: float) -> float | None:
    """Return the root between points of different sign; None where f jumps, or has a pole."""
    ends = np.array([low, high])
    first = f(ends)
    values = first.copy()
    for _ in range(HALVINGS):
        middle = ends.mean()
        if np.sign(ends).prod() > 0:
            middle = np.sign(low) * np.sqrt(abs(ends[0])) * np.sqrt(abs(ends[1]))
        if not ends[0] < middle < ends[1]:
            break
        value = f(np.asarray(middle))
        if value == 0:
            return float(middle)
        side = int(np.sign(value) == np.sign(values[1]))
        ends[side], values[side] = middle, value
    sizes = np.abs(values)
    return float(ends[np.argmin(sizes)]) if sizes.max() < 0.5 * np.abs(first).max() else None


def _slope(hypothesis: Hypothesis, x: np.ndarray) -> np.ndarray:
    return _dual(hypothesis.left, x)[1] - _dual(hypothesis.right, x)[1]


def _dual(node: Node, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the value of a tree whose only column is x, and its derivative in x."""
    zero = np.zeros_like(x)
    match node:
        case Column():
            return x, zero + 1
        case Signed():
            value, slope = _dual(node.operand, x)
            return (-value, -slope) if node.sign == "-" else (value, slope)
        case Power():
            (a, da), (b, db) = _dual(node.base, x), _dual(node.exponent, x)
            by_base = b * np.power(a, b - 1) * da if np.any(da) else zero
            by_exponent = np.power(a, b) * np.log(a) * db if np.any(db) else zero
            return np.power(a, b), by_base + by_exponent
        case Chain():
            value, slope = _dual(node.operands[0], x)
            for sign, operand in zip(node.signs, node.operands[1:], strict=True):
                value, slope = _joined(sign, value, slope, *_dual(operand, x))
            return value, slope
        case Call():
            inside, slope = _dual(node.arguments[0], x)
            return compute(Call(node.function, (Column("x"),)), lambda name: inside), (
                SLOPES[node.function](inside) * slope
            )
    return compute(node, lambda name: x), zero


def _joined(
    sign: str, a: np.ndarray, da: np.ndarray, b: np.ndarray, db: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the value and derivative of one operation."""
    if sign in "+-":
        return (a + b, da + db) if sign == "+" else (a - b, da - db)
    return (a * b, da * b + a * db) if sign == "*" else (a / b, da / b - a * db / (b * b))
