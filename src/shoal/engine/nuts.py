"""The No-U-Turn sampler over (theta, z), in any coordinates.

Multinomial sampling of a trajectory with biased progressive steps, and the generalised criterion of a U-turn,
also across the halves of every subtree (Hoffman and Gelman 2014, J. Machine Learning Research 15, 1593-1623;
Betancourt 2017, arXiv:1701.02434, appendix A; Stan Reference Manual, section "MCMC sampling").

The tree is built leaf by leaf: complete subtrees wait on a stack, and two of one depth are joined as soon as
the second is there, which is the order of the usual recursion.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from shoal.engine.density import add
from shoal.engine.gradient import LOG_DENSITY
from shoal.engine.handles import MAP, PROBLEM, SPACE
from shoal.engine.kinds import FLOATS, INT64S, MATRIX, Floats, Ints, Matrix, record_type
from shoal.engine.moves import GENERATOR, OUTPUT
from shoal.priors.compiled import compiled_as, inner

DEEPEST = 10  # doublings of a trajectory
DIVERGENT = 1000.0  # loss of log density that no accurate trajectory makes
FIRST_ACCEPTANCE = 0.8  # of one step, around which the first step size lies
# Dual averaging (Hoffman and Gelman 2014, section 3.2).
SHRINKAGE, DELAY, FORGETTING = 0.05, 10.0, 0.75


class Walk(NamedTuple):
    """Where a chain is, and what it has adapted; theta = center + root q for the first elements of q.

    Attributes
    ----------
    q : (n,) array
        Whitened theta, then z.
    variance : (n,) array
        Diagonal of the inverse metric.
    moments : (2, n) array
        Mean, and sum of squares about it, of the draws collected.
    numbers : (7,) array
        Log density; step size; draws collected; and of dual averaging: iterations, mean error of the
        acceptance, mean of the log step, the log step it shrinks to.
    """

    q: Floats
    variance: Floats
    moments: Matrix
    numbers: Floats


LP, STEP, COLLECTED, ITERATIONS, ERROR, LOG_STEP, TOWARDS = range(7)


class Tree(NamedTuple):
    """Room for a trajectory (the first node) and for the subtrees of its next doubling.

    Attributes
    ----------
    q, gradient, point : (nodes, n), (nodes, n), (nodes, elements) arrays
        The state that each node proposes.
    start, end, total : (nodes, n) arrays
        First, last and sum of the momenta of each node.
    weights : (nodes, 3) array
        Log weight of each node; log density and energy of its proposal.
    depth : (nodes,) int array
    edge_q, edge_momentum, edge_gradient : (2, n) arrays
        Both ends of the trajectory.
    theta, theta_bar, z_bar : (T,), (T,), (nx,) arrays
        Where a density is evaluated, and its gradient.
    """

    q: Matrix
    gradient: Matrix
    point: Matrix
    start: Matrix
    end: Matrix
    total: Matrix
    weights: Matrix
    depth: Ints
    edge_q: Matrix
    edge_momentum: Matrix
    edge_gradient: Matrix
    theta: Floats
    theta_bar: Floats
    z_bar: Floats


WEIGHT, DENSITY, ENERGY = range(3)
WALK, TREE = record_type(Walk), record_type(Tree)


def new_tree(n_theta: int, n_effects: int, elements: int) -> Tree:
    """Return room for the trees of one chain."""
    n, nodes, f = n_theta + n_effects, DEEPEST + 2, np.zeros
    sizes = [(nodes, n), (nodes, n), (nodes, elements), (nodes, n), (nodes, n), (nodes, n), (nodes, 3)]
    return Tree(
        *(f(size) for size in sizes),
        f(nodes, np.int64),
        f((2, n)),
        f((2, n)),
        f((2, n)),
        f(n_theta),
        f(n_theta),
        f(n_effects),
    )


@inner
def _copy(values, into):
    """Write `values` into an array of their length; assigning slices would take much longer to compile."""
    for k in range(values.size):
        into[k] = values[k]


@inner
def _evaluate(log_density, p, center, root, q, gradient, tree, space, where):
    """Return the log density of q, and write its gradient."""
    theta, theta_bar = tree.theta, tree.theta_bar
    t = theta.size
    for i in range(t):
        theta[i] = center[i]
        for j in range(t):
            theta[i] += root[i, j] * q[j]
    value = log_density(p, theta, q[t:], space, where, theta_bar, tree.z_bar)
    for j in range(t):
        gradient[j] = 0.0
        for i in range(t):
            gradient[j] += root[i, j] * theta_bar[i]
    _copy(tree.z_bar, gradient[t:])
    return value


@inner
def _leapfrog(log_density, p, center, root, step, variance, q, momentum, gradient, tree, space, where):
    """Make one step in place; return the log density and the kinetic energy where it ends."""
    for k in range(q.size):
        momentum[k] += 0.5 * step * gradient[k]
        q[k] += step * variance[k] * momentum[k]
    value = _evaluate(log_density, p, center, root, q, gradient, tree, space, where)
    kinetic = 0.0
    for k in range(q.size):
        momentum[k] += 0.5 * step * gradient[k]
        kinetic += 0.5 * variance[k] * momentum[k] * momentum[k]
    return value, kinetic


@inner
def _draw_momentum(rng, variance, momentum):
    """Draw a momentum; return its kinetic energy."""
    kinetic = 0.0
    for k in range(momentum.size):
        z = rng.standard_normal()
        momentum[k] = z / np.sqrt(variance[k])
        kinetic += 0.5 * z * z
    return kinetic


@inner
def _turns(variance, one, two, outer, inside, next_inside, next_outer):
    """Say whether a trajectory of two parts, of total momenta `one` and `two`, has made a U-turn.

    Also from the first part to the nearest momentum of the second, and the other way round.
    """
    whole_start, whole_end, left_start, left_end, right_start, right_end = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(variance.size):
        whole, left, right = one[k] + two[k], one[k] + next_inside[k], two[k] + inside[k]
        start, end = variance[k] * outer[k], variance[k] * next_outer[k]
        whole_start += start * whole
        whole_end += end * whole
        left_start += start * left
        left_end += variance[k] * next_inside[k] * left
        right_start += variance[k] * inside[k] * right
        right_end += end * right
    least = min(min(whole_start, whole_end), min(min(left_start, left_end), min(right_start, right_end)))
    return not least > 0.0


@inner
def _log_sum(one, two):
    """Return ``log(exp(one) + exp(two))``."""
    most = max(one, two)
    return most if most == -np.inf else most + np.log1p(np.exp(min(one, two) - most))


@inner
def _take(rng, tree, into, other, biased):
    """Add the weight of node `other` to `into`, and choose between their proposals."""
    weights = tree.weights
    new = weights[other, WEIGHT]
    both = _log_sum(weights[into, WEIGHT], new)
    against = weights[into, WEIGHT] if biased else both
    weights[into, WEIGHT] = both
    if np.log(rng.random()) < new - against:
        weights[into, DENSITY], weights[into, ENERGY] = weights[other, DENSITY], weights[other, ENERGY]
        _copy(tree.q[other], tree.q[into])
        _copy(tree.gradient[other], tree.gradient[into])
        _copy(tree.point[other], tree.point[into])


@inner
def _write_point(space, elements, point):
    v, x = space.v, space.x
    for k in range(elements.size):
        e = elements[k]
        point[k] = v[e] if e < v.size else x[e - v.size]


@inner
def _first_step(rng, log_density, p, center, root, walk, tree, space, where):
    """Return the present step times the power of two at which the acceptance crosses `FIRST_ACCEPTANCE`."""
    q, gradient, momentum = tree.edge_q[0], tree.edge_gradient[0], tree.edge_momentum[0]
    step, way = walk.numbers[STEP], 0.0
    while True:
        _copy(walk.q, q)
        _copy(tree.gradient[0], gradient)
        before = walk.numbers[LP] - _draw_momentum(rng, walk.variance, momentum)
        value, kinetic = _leapfrog(
            log_density, p, center, root, step, walk.variance, q, momentum, gradient, tree, space, where
        )
        change = value - kinetic - before
        larger = 1.0 if change > np.log(FIRST_ACCEPTANCE) else -1.0
        if way == 0.0:
            way = larger
        elif larger != way or not 1e-12 < step < 1e7:
            return step
        step *= 2.0**way


@inner
def _adapt_step(numbers, acceptance, aim):
    """Move the step size towards an acceptance of `aim`."""
    numbers[ITERATIONS] += 1.0
    m = numbers[ITERATIONS]
    share = 1.0 / (m + DELAY)
    numbers[ERROR] = (1.0 - share) * numbers[ERROR] + share * (aim - acceptance)
    log_step = numbers[TOWARDS] - numbers[ERROR] * np.sqrt(m) / SHRINKAGE
    share = m**-FORGETTING
    numbers[LOG_STEP] = share * log_step + (1.0 - share) * numbers[LOG_STEP]
    numbers[STEP] = np.exp(log_step)


@inner
def _collect(walk):
    """Add a draw to the moments (Welford 1962, Technometrics 4, 419-420)."""
    q, moments = walk.q, walk.moments
    walk.numbers[COLLECTED] += 1.0
    for k in range(q.size):
        away = q[k] - moments[0, k]
        moments[0, k] += away / walk.numbers[COLLECTED]
        moments[1, k] += away * (q[k] - moments[0, k])


_INT, _FLOAT, _BOOL = nb.int64, nb.float64, nb.boolean


@compiled_as(
    nb.void(
        *(
            GENERATOR,
            nb.types.FunctionType(LOG_DENSITY),
            PROBLEM,
            FLOATS,
            MATRIX,
            _INT,
            _FLOAT,
            _BOOL,
            _BOOL,
            _BOOL,
        ),
        *(SPACE, MAP, WALK, TREE, INT64S, OUTPUT),
    )
)
def iterate(
    rng,
    log_density,
    p,
    center,
    root,
    count,
    aim,
    restart,
    adapt,
    collect,
    space,
    where,
    walk,
    tree,
    elements,
    out,
):
    """Make `count` iterations; they are written unless they `adapt` the step.

    Parameters
    ----------
    log_density : function
        Of (theta, z), with its gradient: see `gradient.joint_density`.
    center, root : (T,), (T, T) arrays
        ``theta = center + root q``, q about standard normal.
    aim : float
        Acceptance that the step size is adapted to.
    restart : bool
        Begin the adaptation anew, from a step found by doubling or halving.
    collect : bool
        Add the draws to the moments, of which a metric is made.
    """
    variance, numbers, q, weights = walk.variance, walk.numbers, walk.q, tree.weights
    numbers[LP] = _evaluate(log_density, p, center, root, q, tree.gradient[0], tree, space, where)
    _write_point(space, elements, tree.point[0])
    if restart:
        numbers[STEP] = _first_step(rng, log_density, p, center, root, walk, tree, space, where)
        numbers[TOWARDS] = np.log(10.0 * numbers[STEP])
        numbers[ITERATIONS], numbers[ERROR], numbers[LOG_STEP] = 0.0, 0.0, 0.0
    for iteration in range(count):
        step = numbers[STEP]
        kinetic = _draw_momentum(rng, variance, tree.total[0])
        begin = kinetic - numbers[LP]
        _copy(q, tree.q[0])
        _copy(tree.total[0], tree.start[0])
        _copy(tree.total[0], tree.end[0])
        weights[0, WEIGHT], weights[0, DENSITY], weights[0, ENERGY] = 0.0, numbers[LP], begin
        for side in range(2):
            _copy(q, tree.edge_q[side])
            _copy(tree.total[0], tree.edge_momentum[side])
            _copy(tree.gradient[0], tree.edge_gradient[side])
        depth, steps, accepted, diverging, valid = 0, 0, 0.0, False, True
        while depth < DEEPEST and valid:
            side = 1 if rng.random() > 0.5 else 0
            ahead = step if side else -step
            top = 0
            for _ in range(1 << depth):
                lp, kinetic = _leapfrog(
                    log_density,
                    p,
                    center,
                    root,
                    ahead,
                    variance,
                    tree.edge_q[side],
                    tree.edge_momentum[side],
                    tree.edge_gradient[side],
                    tree,
                    space,
                    where,
                )
                loss = kinetic - lp - begin
                if not loss < np.inf:
                    loss = np.inf
                steps += 1
                accepted += min(1.0, np.exp(-loss))
                if loss > DIVERGENT:
                    diverging, valid = True, False
                    break
                top += 1
                _copy(tree.edge_q[side], tree.q[top])
                _copy(tree.edge_gradient[side], tree.gradient[top])
                _copy(tree.edge_momentum[side], tree.start[top])
                _copy(tree.edge_momentum[side], tree.end[top])
                _copy(tree.edge_momentum[side], tree.total[top])
                weights[top, WEIGHT], weights[top, DENSITY], weights[top, ENERGY] = -loss, lp, kinetic - lp
                _write_point(space, elements, tree.point[top])
                tree.depth[top] = 0
                while top > 1 and tree.depth[top - 1] == tree.depth[top]:
                    one, two = top - 1, top
                    valid = not _turns(
                        variance,
                        tree.total[one],
                        tree.total[two],
                        tree.start[one],
                        tree.end[one],
                        tree.start[two],
                        tree.end[two],
                    )
                    if not valid:
                        break
                    _take(rng, tree, one, two, False)
                    add(tree.total[one], 1.0, tree.total[two])
                    _copy(tree.end[two], tree.end[one])
                    tree.depth[one] += 1
                    top = one
                if not valid:
                    break
            if not valid:
                break
            depth += 1
            _take(rng, tree, 0, 1, True)
            far, near = (tree.start[0], tree.end[0]) if side else (tree.end[0], tree.start[0])
            valid = not _turns(variance, tree.total[0], tree.total[1], far, near, tree.start[1], tree.end[1])
            add(tree.total[0], 1.0, tree.total[1])
            _copy(tree.end[1], near)
        _copy(tree.q[0], q)
        numbers[LP] = weights[0, DENSITY]
        acceptance = accepted / steps
        if adapt:
            _adapt_step(numbers, acceptance, aim)
            if collect:
                _collect(walk)
        else:
            _copy(tree.point[0], out.point[iteration])
            for i in range(center.size):
                value = center[i]
                for j in range(center.size):
                    value += root[i, j] * q[j]
                out.theta[iteration, i] = value
            s = out.stats[iteration]
            s[0], s[1], s[2], s[3], s[4], s[5] = (
                numbers[LP],
                acceptance,
                weights[0, ENERGY],
                diverging,
                steps,
                depth,
            )
