"""Logistic rows in loops that a compiler turns into vector instructions: several rows at a time.

Calls of the machine's `exp` and `log` stand in the way of that, so here are both as arithmetic: exp(-t) by
``2^k exp(r)`` with k an integer, and log(1 + q) by ``2 artanh(s)``; each to 4e-16 of itself (Muller 2016,
Elementary Functions, 3rd ed., chapters 3 and 11). A loop does one thing, since the constants of two at a time
do not fit into a processor's registers; and rows are taken in blocks that stay in its nearest memory.
"""

from __future__ import annotations

import math

import numpy as np

from shoal.families.special import above_zero
from shoal.priors.compiled import inner, relaxed

# A product and a sum become one instruction, which rounds once.
fused = relaxed("contract")

BLOCK = 512  # rows
FARTHEST = 708.0  # exp(-708) is a normal number
PER_LOG_2 = 1.0 / math.log(2.0)
# log 2 in two parts: the first has so few digits that its product with an integer of ten bits is exact.
LOG_2, LOG_2_HIGH, LOG_2_LOW = math.log(2.0), 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROUNDING = 1.5 * 2.0**52  # a number of ordinary size that is added to it loses its fraction
ONE = 1023 << 52  # the bits of 1.0


@fused
def exp_minus(t: float) -> float:
    """Return ``exp(-t)`` for t >= 0, and ``exp(-708)`` for what is larger."""
    t = FARTHEST if t > FARTHEST else t
    shifted = ROUNDING - t * PER_LOG_2
    k = shifted - ROUNDING
    r = (-t - k * LOG_2_HIGH) - k * LOG_2_LOW
    # Taylor's series for |r| < 0.35, written out: a loop over its coefficients would be one inside another.
    p = r * (1 / 6227020800) + 1 / 479001600
    p = p * r + 1 / 39916800
    p = p * r + 1 / 3628800
    p = p * r + 1 / 362880
    p = p * r + 1 / 40320
    p = p * r + 1 / 5040
    p = p * r + 1 / 720
    p = p * r + 1 / 120
    p = p * r + 1 / 24
    p = p * r + 1 / 6
    p = p * r + 1 / 2
    p = p * r + 1.0
    p = p * r + 1.0
    # The last bits of `shifted` are those of k, which is the exponent of the power of two.
    bits = (np.float64(shifted).view(np.int64) << np.int64(52)) + np.int64(ONE)
    return p * np.int64(bits).view(np.float64)


@fused
def log1p_of_share(q: float) -> float:
    """Return ``log(1 + q)`` for 0 <= q <= 1."""
    upper = q > 0.41421356237309503
    f = 0.5 * (q - 1.0) if upper else q  # (1 + q) / 2 - 1, else q: at most 0.42 from 0
    s = f / (2.0 + f)
    z = s * s
    p = z * (1 / 23) + 1 / 21
    p = p * z + 1 / 19
    p = p * z + 1 / 17
    p = p * z + 1 / 15
    p = p * z + 1 / 13
    p = p * z + 1 / 11
    p = p * z + 1 / 9
    p = p * z + 1 / 7
    p = p * z + 1 / 5
    p = p * z + 1 / 3
    return (2.0 * s * z * p + 2.0 * s) + (LOG_2 if upper else 0.0)


@inner
def logistic_rows(y, trials, weight, eta, order, value, score, curvature):
    """Write ``y log p + (trials - y) log(1 - p)`` of a logit, weighted, and what `order` asks for.

    Parameters
    ----------
    y, trials, weight, eta, value, score, curvature : (M,) arrays
        As in `row_functions`; `score` and `curvature` may be empty where they are not asked for.
    """
    for first in range(0, y.size, BLOCK):
        last = min(first + BLOCK, y.size)
        own = value[first:last]
        # With q = exp(-|eta|): log p = min(eta, 0) - log(1 + q), log(1 - p) = min(-eta, 0) - log(1 + q).
        _exponentials(eta[first:last], own)
        if order > 0:
            _copy(own, score[first:last])
        _logarithms(own)
        _values(y[first:last], trials[first:last], weight[first:last], eta[first:last], own)
        if order > 1:
            _curvatures(trials[first:last], weight[first:last], score[first:last], curvature[first:last])
        if order > 0:
            _scores(y[first:last], trials[first:last], weight[first:last], eta[first:last], score[first:last])


@inner
def _exponentials(eta, q):
    for i in range(q.size):
        q[i] = exp_minus(abs(eta[i]))


@inner
def _copy(q, into):
    for i in range(q.size):
        into[i] = q[i]


@inner
def _logarithms(q):
    for i in range(q.size):
        q[i] = log1p_of_share(q[i])


@inner
def _values(y, trials, weight, eta, value):
    """Write values where ``log(1 + q)`` stands: nothing cancels where y is 0 or all trials."""
    for i in range(value.size):
        e = eta[i]
        value[i] = weight[i] * ((y[i] - trials[i] if e > 0 else y[i]) * e - trials[i] * value[i])


@inner
def _curvatures(trials, weight, q, curvature):
    for i in range(curvature.size):
        r = 1.0 / (1.0 + q[i])
        curvature[i] = above_zero(weight[i] * trials[i] * (q[i] * r * r))


@inner
def _scores(y, trials, weight, eta, score):
    """Write scores where q stands."""
    for i in range(score.size):
        r = 1.0 / (1.0 + score[i])
        small = score[i] * r
        above = eta[i] > 0
        p, other = r if above else small, small if above else r
        score[i] = weight[i] * (y[i] * other - (trials[i] - y[i]) * p)
