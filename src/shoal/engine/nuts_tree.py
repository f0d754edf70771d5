"""Trajectories of the No-U-Turn sampler as trees: nodes that propose a state, joined two by two."""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
from numba.experimental import structref

from shoal.engine.kinds import Floats, Ints, Matrix, fields_of, record_type
from shoal.engine.vectors import add, copy
from shoal.priors.compiled import compiled_as, inner

DEEPEST = 10  # doublings of a trajectory


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


@structref.register
class TreeType(nb.types.StructRef):
    """`Tree` in compiled code (see `handles`)."""


class TreeHandle(structref.StructRefProxy):
    """A tree in compiled code."""


structref.define_boxing(TreeType, TreeHandle)
TREE = TreeType(fields_of(Tree))


@compiled_as(TREE(record_type(Tree)))
def tree_handle(t):
    """Return the handle of a tree."""
    out = structref.new(TREE)
    out.q = t.q
    out.gradient = t.gradient
    out.point = t.point
    out.start = t.start
    out.end = t.end
    out.total = t.total
    out.weights = t.weights
    out.depth = t.depth
    out.edge_q = t.edge_q
    out.edge_momentum = t.edge_momentum
    out.edge_gradient = t.edge_gradient
    out.theta = t.theta
    out.theta_bar = t.theta_bar
    out.z_bar = t.z_bar
    return out


def new_tree(n_theta: int, n_effects: int, elements: int) -> Tree:
    """Return room for the trees of one chain."""
    n, nodes, f = n_theta + n_effects, DEEPEST + 2, np.zeros
    return Tree(
        q=f((nodes, n)),
        gradient=f((nodes, n)),
        point=f((nodes, elements)),
        start=f((nodes, n)),
        end=f((nodes, n)),
        total=f((nodes, n)),
        weights=f((nodes, 3)),
        depth=f(nodes, np.int64),
        edge_q=f((2, n)),
        edge_momentum=f((2, n)),
        edge_gradient=f((2, n)),
        theta=f(n_theta),
        theta_bar=f(n_theta),
        z_bar=f(n_effects),
    )


@inner
def turns(variance, one, two, outer, inside, next_inside, next_outer):
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
    # With a diagonal metric, ``variance * momentum`` is the velocity that the criterion speaks of.
    least = min(min(whole_start, whole_end), min(min(left_start, left_end), min(right_start, right_end)))
    return not least > 0.0


@inner
def log_sum(one, two):
    """Return ``log(exp(one) + exp(two))``."""
    most = max(one, two)
    return most if most == -np.inf else most + np.log1p(np.exp(min(one, two) - most))


@inner
def take(rng, tree, into, other, biased):
    """Add the weight of node `other` to `into`, and choose between their proposals."""
    weights = tree.weights
    new = weights[other, WEIGHT]
    both = log_sum(weights[into, WEIGHT], new)
    against = weights[into, WEIGHT] if biased else both  # biased: towards what is far from the beginning
    weights[into, WEIGHT] = both
    if np.log(rng.random()) < new - against:
        weights[into, DENSITY], weights[into, ENERGY] = weights[other, DENSITY], weights[other, ENERGY]
        copy(tree.q[other], tree.q[into])
        copy(tree.gradient[other], tree.gradient[into])
        copy(tree.point[other], tree.point[into])


@inner
def write_point(space, elements, point):
    """Write the elements of (v, x) that are asked for."""
    v, x = space.v, space.x
    for k in range(elements.size):
        e = elements[k]
        point[k] = v[e] if e < v.size else x[e - v.size]


@inner
def root_node(tree, q, lp, kinetic):
    """Let the trajectory be one state, whose momentum and gradient are those of node 0."""
    weights = tree.weights
    weights[0, WEIGHT], weights[0, DENSITY], weights[0, ENERGY] = 0.0, lp, kinetic - lp
    copy(q, tree.q[0])
    copy(tree.total[0], tree.start[0])
    copy(tree.total[0], tree.end[0])
    for side in range(2):
        copy(q, tree.edge_q[side])
        copy(tree.total[0], tree.edge_momentum[side])
        copy(tree.gradient[0], tree.edge_gradient[side])


@inner
def leaf(tree, node, side, lp, kinetic, weight):
    """Let a node be the state at one end of the trajectory."""
    weights = tree.weights
    weights[node, WEIGHT], weights[node, DENSITY], weights[node, ENERGY] = weight, lp, kinetic - lp
    copy(tree.edge_q[side], tree.q[node])
    copy(tree.edge_gradient[side], tree.gradient[node])
    copy(tree.edge_momentum[side], tree.start[node])
    copy(tree.edge_momentum[side], tree.end[node])
    copy(tree.edge_momentum[side], tree.total[node])
    tree.depth[node] = 0


@inner
def join(rng, variance, tree, node):
    """Join a node with the one after it, of the same depth; return False if together they make a U-turn."""
    start, end, total = tree.start, tree.end, tree.total
    after = node + 1
    if turns(variance, total[node], total[after], start[node], end[node], start[after], end[after]):
        return False
    take(rng, tree, node, after, False)
    add(total[node], 1.0, total[after])
    copy(end[after], end[node])
    tree.depth[node] += 1
    return True


@inner
def extend(rng, variance, tree, side):
    """Join the trajectory with node 1, which continues it at one side; return False if it makes a U-turn."""
    total, depart, arrive = tree.total, tree.start[1], tree.end[1]
    take(rng, tree, 0, 1, True)
    far, near = (tree.start[0], tree.end[0]) if side else (tree.end[0], tree.start[0])
    straight = not turns(variance, total[0], total[1], far, near, depart, arrive)
    add(total[0], 1.0, total[1])
    copy(arrive, near)
    return straight
