"""From theta to the hyperparameters, with their log prior; and the derivative back.

Positive parameters stand in theta by a logarithm, or where the prior's right tail is light by the inverse of
a *ramp*, the integral of the normal distribution function: linear above, and where it falls to zero a density
that does not vanish there has the tail of a normal one in t. Shares stand by the logit, partial correlations
by the inverse hyperbolic tangent.
"""

from __future__ import annotations

import math

import numpy as np

from shoal.priors.compiled import inner

IDENTITY, LOG, RAMP, LOGIT, ATANH = range(5)
_ROOT_HALF, _ROOT_2_PI = math.sqrt(0.5), math.sqrt(2.0 * math.pi)
MOST_STEPS = 100  # of the inverse of a ramp
_FARTHEST = -37.0  # beyond it the normal distribution function is no number of full precision


@inner
def _log1p_exp(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


@inner
def _normal(t):
    """Return the standard normal density and distribution function."""
    return math.exp(-0.5 * t * t) / _ROOT_2_PI, 0.5 * math.erfc(-_ROOT_HALF * t)


def ramp_inverse(value: float) -> float:
    """Return t with ``t Phi(t) + phi(t) = value``: Newton's method on logarithms, which rises to it."""
    t, wanted = _FARTHEST, math.log(value)
    for _ in range(MOST_STEPS):
        density, below = _normal.py_func(t)
        ramp = t * below + density
        step = (wanted - math.log(ramp)) * ramp / below
        t += step
        if abs(step) <= 1e-14 * max(1.0, abs(t)):
            break
    return t


@inner
def hyperparameters(p, theta, space):
    """Fill `space.h`; return the log prior density of theta, Jacobian included."""
    h, slots, slope_of, priors = space.h, p.slots, space.slope, p.functions.priors
    out = np.zeros(1)
    total = 0.0
    for i in range(theta.size):
        t = theta[i]
        kind = slots.transform[i]
        out[0] = 0.0
        if kind == ATANH:
            # (1 - r^2)^(alpha - 1) times the Jacobian 1 - r^2, where 1 - tanh(t)^2 would cancel
            value = math.tanh(t)
            alpha = slots.params[i, 0]
            total += priors[i](0.0, slots.params[i], out)
            total += 2.0 * alpha * (math.log(2.0) - abs(t) - math.log1p(math.exp(-2.0 * abs(t))))
            slope_of[0, i] = 1.0 - value * value
            slope_of[1, i] = -2.0 * alpha * value
        else:
            if kind == LOG:
                value = math.exp(t)
                rate, jacobian, slope = value, t, 1.0
            elif kind == RAMP:
                unit = slots.unit[i]
                density, below = _normal(t)
                value = unit * (t * below + density)
                rate, jacobian, slope = unit * below, math.log(unit * below), density / below
            elif kind == LOGIT:
                value = math.exp(-_log1p_exp(-t))
                rest = math.exp(-_log1p_exp(t))
                rate, jacobian, slope = value * rest, -_log1p_exp(t) - _log1p_exp(-t), rest - value
            else:
                value = t
                rate, jacobian, slope = 1.0, 0.0, 0.0
            total += priors[i](value, slots.params[i], out) + jacobian
            slope_of[0, i] = rate
            slope_of[1, i] = out[0] * rate + slope
        h[slots.place[i]] = value
    return total + _derive(p, h)


@inner
def _derive(p, h):
    derived = p.derived
    total = 0.0
    for f in range(derived.in_start.size - 1):
        inputs = h[derived.inputs[derived.in_start[f] : derived.in_start[f + 1]]]
        constants = derived.constants[derived.const_start[f] : derived.const_start[f + 1]]
        places = derived.outputs[derived.out_start[f] : derived.out_start[f + 1]]
        outputs = np.empty(places.size)
        total += p.functions.derived[f](inputs, constants, outputs)
        for k in range(places.size):
            h[places[k]] = outputs[k]
    return total


@inner
def pull_back(p, space, gradient):
    """Turn `space.h_bar`, a derivative in h, into one in theta, that of the log prior included."""
    h, h_bar, derived, slots, slope_of = space.h, space.h_bar, p.derived, p.slots, space.slope
    for f in range(derived.in_start.size - 2, -1, -1):
        taken = derived.inputs[derived.in_start[f] : derived.in_start[f + 1]]
        places = derived.outputs[derived.out_start[f] : derived.out_start[f + 1]]
        constants = derived.constants[derived.const_start[f] : derived.const_start[f + 1]]
        back = np.zeros(taken.size)
        p.functions.adjoints[f](h[taken], constants, h[places], h_bar[places], back)
        for k in range(taken.size):
            h_bar[taken[k]] += back[k]
    for i in range(gradient.size):
        gradient[i] = h_bar[slots.place[i]] * slope_of[0, i] + slope_of[1, i]
