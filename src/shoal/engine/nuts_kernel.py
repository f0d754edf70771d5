"""The No-U-Turn sampler over (theta, z), in any coordinates.

Multinomial sampling of a trajectory with biased progressive steps, and the generalised criterion of a U-turn,
also across the halves of every subtree (Hoffman and Gelman 2014, J. Machine Learning Research 15, 1593-1623;
Betancourt 2017, arXiv:1701.02434, appendix A; Stan Reference Manual, section "MCMC sampling").

The tree is built leaf by leaf: complete subtrees wait on a stack, and two of one depth are joined as soon as
the second is there, which is the order of the usual recursion.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from shoal.engine.gradient import LOG_DENSITY
from shoal.engine.handles import MAP, PROBLEM, SPACE
from shoal.engine.kinds import FLOATS, INT64S, MATRIX
from shoal.engine.moves import GENERATOR, OUTPUT
from shoal.engine.nuts_tree import (
    DEEPEST,
    DENSITY,
    ENERGY,
    TREE,
    extend,
    join,
    leaf,
    root_node,
    write_point,
)
from shoal.engine.nuts_walk import (
    BEGIN,
    ERROR,
    ITERATIONS,
    LOG_STEP,
    LP,
    STEP,
    TOWARDS,
    WALK,
    adapt_step,
    collect_draw,
    draw_momentum,
    evaluate,
    first_step,
    leapfrog,
)
from shoal.engine.vectors import copy
from shoal.priors.compiled import compiled_as, inner

DIVERGENT = 1000.0  # loss of log density that no accurate trajectory makes


@inner
def _grow(rng, log_density, p, center, root, step, depth, side, walk, tree, space, where, elements):
    """Continue the trajectory at one side by ``2^depth`` steps: node 1.

    Returns
    -------
    valid, diverging : bool
        Valid if no step diverges and no subtree makes a U-turn.
    steps : int
    accepted : float
        Sum over the steps of the probability of accepting each.
    """
    top, accepted, variance = 0, 0.0, walk.variance
    q, momentum, gradient = tree.edge_q[side], tree.edge_momentum[side], tree.edge_gradient[side]
    begin = walk.numbers[BEGIN]
    for done in range(1 << depth):
        lp, kinetic = leapfrog(
            log_density, p, center, root, step, variance, q, momentum, gradient, tree, space, where
        )
        loss = kinetic - lp - begin
        if not loss < np.inf:
            loss = np.inf
        accepted += min(1.0, np.exp(-loss))
        if loss > DIVERGENT:
            return False, True, done + 1, accepted
        top += 1
        leaf(tree, top, side, lp, kinetic, -loss)
        write_point(space, elements, tree.point[top])
        while top > 1 and tree.depth[top - 1] == tree.depth[top]:
            top -= 1
            if not join(rng, variance, tree, top):
                return False, False, done + 1, accepted
    return True, False, 1 << depth, accepted


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
    numbers[LP] = evaluate(log_density, p, center, root, q, tree.gradient[0], tree, space, where)
    write_point(space, elements, tree.point[0])
    if restart:
        numbers[STEP] = first_step(rng, log_density, p, center, root, walk, tree, space, where)
        numbers[TOWARDS] = np.log(10.0 * numbers[STEP])
        numbers[ITERATIONS], numbers[ERROR], numbers[LOG_STEP] = 0.0, 0.0, 0.0
    for iteration in range(count):
        step = numbers[STEP]
        kinetic = draw_momentum(rng, variance, tree.total[0])
        numbers[BEGIN] = kinetic - numbers[LP]
        root_node(tree, q, numbers[LP], kinetic)
        depth, steps, accepted, diverging, valid = 0, 0, 0.0, False, True
        while depth < DEEPEST and valid:
            side = 1 if rng.random() > 0.5 else 0
            ahead = step if side else -step
            valid, diverging, made, chance = _grow(
                rng, log_density, p, center, root, ahead, depth, side, walk, tree, space, where, elements
            )
            steps += made
            accepted += chance
            if valid:
                depth += 1
                valid = extend(rng, variance, tree, side)
        copy(tree.q[0], q)
        numbers[LP] = weights[0, DENSITY]
        acceptance = accepted / steps
        if adapt:
            adapt_step(numbers, acceptance, aim)
            if collect:
                collect_draw(walk)
        else:
            copy(tree.point[0], out.point[iteration])
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
