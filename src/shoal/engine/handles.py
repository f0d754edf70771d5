"""Records as compiled code is handed them: one pointer each.

Their arrays are those of the Python records, so what compiled code writes is seen in Python.
"""

from __future__ import annotations

import numba as nb
from numba.experimental import structref

from shoal.engine import problem as records
from shoal.engine.kinds import fields_of, record_type
from shoal.engine.levels import Levels
from shoal.engine.space import Map, Space
from shoal.engine.sparse import Pattern
from shoal.priors.compiled import compiled_as


@structref.register
class ProblemType(nb.types.StructRef):
    """`problem.Problem`."""


@structref.register
class SpaceType(nb.types.StructRef):
    """`space.Space`."""


@structref.register
class MapType(nb.types.StructRef):
    """`space.Map`."""


class ProblemHandle(structref.StructRefProxy):
    """A problem in compiled code."""


class SpaceHandle(structref.StructRefProxy):
    """A thread's room in compiled code."""


class MapHandle(structref.StructRefProxy):
    """A map in compiled code."""


structref.define_boxing(ProblemType, ProblemHandle)
structref.define_boxing(SpaceType, SpaceHandle)
structref.define_boxing(MapType, MapHandle)

_PARTS = (
    records.Columns,
    records.Scales,
    records.Rows,
    records.Gram,
    records.Quadratics,
    records.Prior,
    records.Terms,
    records.Constraints,
    records.Slots,
    records.Derived,
    records.Expansion,
    records.Functions,
    Levels,
    Pattern,
)
_FIELDS = fields_of(records.Problem, **{part.__name__: record_type(part) for part in _PARTS})
PROBLEM = ProblemType(_FIELDS)
SPACE = SpaceType(fields_of(Space))
MAP = MapType(fields_of(Map))


@compiled_as(PROBLEM(nb.types.NamedTuple([kind for _, kind in _FIELDS], records.Problem)))
def problem_handle(p):
    """Return the handle of a problem."""
    out = structref.new(PROBLEM)
    out.columns = p.columns
    out.scales = p.scales
    out.rows = p.rows
    out.gram = p.gram
    out.quadratics = p.quadratics
    out.prior = p.prior
    out.terms = p.terms
    out.constraints = p.constraints
    out.levels = p.levels
    out.pattern = p.pattern
    out.slots = p.slots
    out.derived = p.derived
    out.expansion = p.expansion
    out.functions = p.functions
    out.h = p.h
    out.constant = p.constant
    out.shifted = p.shifted
    return out


@compiled_as(SPACE(record_type(Space)))
def space_handle(s):
    """Return the handle of a thread's room."""
    out = structref.new(SPACE)
    out.h = s.h
    out.h_bar = s.h_bar
    out.slope = s.slope
    out.v = s.v
    out.v_bar = s.v_bar
    out.x = s.x
    out.x_bar = s.x_bar
    out.eta = s.eta
    out.value = s.value
    out.score = s.score
    out.curvature = s.curvature
    out.a = s.a
    out.own_a = s.own_a
    out.b = s.b
    out.own_b = s.own_b
    out.h_matrix = s.h_matrix
    out.h_matrix_bar = s.h_matrix_bar
    out.factor_bar = s.factor_bar
    out.work = s.work
    out.step = s.step
    out.solved = s.solved
    out.small = s.small
    return out


@compiled_as(MAP(record_type(Map)))
def map_handle(m):
    """Return the handle of a map."""
    out = structref.new(MAP)
    out.mode = m.mode
    out.factor = m.factor
    out.across = m.across
    out.volume = m.volume
    out.kind = m.kind
    return out
