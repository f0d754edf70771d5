"""From a model to the structure and data of its posterior."""

from __future__ import annotations

import numpy as np

from shoal import groups
from shoal.design import Design, merge
from shoal.model import Specification
from shoal.posterior import gaussian
from shoal.posterior.structure import Data, RowData, Slot, Structure, Sums
from shoal.priors import LKJ, Fixed, Normal, Prior


def structure_of(model: Specification) -> Structure:
    """Return the static part of the model's posterior."""
    design, scalars = model.design, scalar_priors(model)
    free = [name for name, prior in scalars.items() if not isinstance(prior, Fixed)]
    fixed = [name for name, prior in scalars.items() if isinstance(prior, Fixed)]
    where = {name: i for i, name in enumerate([*free, *fixed])}
    group = design.group
    blocks = group.blocks if group else ()
    return Structure(
        family=model.family,
        slots=tuple(Slot(name, type(scalars[name])) for name in free),
        names=(*free, *fixed),
        sd=tuple(where[f"sd_{group.name}[{e}]"] for e in group.effects) if group else (),
        partial=tuple(where[name] for name in scalars if name.startswith("partial:")),
        coefficients=tuple(where[c] for c in design.columns if c in where),
        phi=tuple((n, where[n]) for n in model.family.parameters(design.known_se, design.se_sigma)),
        blocks=blocks,
        matched=design.matched,
        zero_sum=bool(group and group.zero_sum),
        n_levels=len(group.labels) if group else 0,
        n_normal=sum(_is_normal(model, c) for c in design.columns),
    )


def _is_normal(model: Specification, column: str) -> bool:
    return isinstance(model.priors[column].prior, Normal)


def scalar_priors(model: Specification) -> dict[str, Prior]:
    """Return the priors of all scalar hyperparameters, in a fixed order."""
    scalars: dict[str, Prior] = {}
    group = model.design.group
    if group:
        for effect in group.effects:
            name = f"sd_{group.name}[{effect}]"
            scalars[name] = model.priors[name].prior
        for i, j, size, position in groups.partial_positions(group.blocks):
            lkj = model.priors[f"cor_{group.name}"].prior
            assert isinstance(lkj, LKJ)
            scalars[f"partial:{group.effects[i]},{group.effects[j]}"] = lkj.partial(size, position)
    for name in model.family.parameters(model.design.known_se, model.design.se_sigma):
        scalars[name] = model.priors[name].prior
    for column in model.design.columns:
        prior = model.priors[column].prior
        if not isinstance(prior, Normal | Fixed):
            scalars[column] = prior
    return scalars


def data_of(model: Specification, structure: Structure, integrate: bool) -> Data:
    """Return the numbers of the model's posterior: per-level sums if `integrate`, else merged rows."""
    scalars = scalar_priors(model)
    prior = np.zeros((structure.n_theta, 3))
    for i, slot in enumerate(structure.slots):
        params = scalars[slot.name].params
        prior[i, : len(params)] = params
    fixed = [scalars[name].params[0] for name in structure.names[structure.n_theta :]]
    mean, scale, direct = _coefficients(model)
    rows = None if integrate else _row_data(model, mean, scale, direct)
    sums = _sums(model, structure, mean, scale, direct) if integrate else None
    return Data(
        prior=prior,
        fixed=np.array(fixed, float),
        mean=mean,
        scale=scale,
        direct=direct,
        constant=_constant(model.design, model, integrate),
        rows=rows,
        sums=sums,
    )


def _coefficients(model: Specification) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return `mean`, `scale` and `direct` of `structure.Data`.

    A default Intercept prior speaks of the linear predictor at average columns, so the Intercept itself is
    that value less the average of every other column times its coefficient.
    """
    design = model.design
    names, size = design.columns, len(design.columns)
    normal = [i for i, c in enumerate(names) if _is_normal(model, c)]
    other = [i for i, c in enumerate(names) if not isinstance(model.priors[c].prior, Normal | Fixed)]
    mean, scale = np.zeros(size), np.zeros((size, len(normal)))
    direct = np.zeros((size, len(other)))
    for j, i in enumerate(normal):
        mean[i], scale[i, j] = model.priors[names[i]].prior.params
    for i, c in enumerate(names):
        if isinstance(model.priors[c].prior, Fixed):
            mean[i] = model.priors[c].prior.params[0]
    for j, i in enumerate(other):
        direct[i, j] = 1.0
    if "Intercept" in names and model.priors["Intercept"].centered:
        row = names.index("Intercept")
        averages = design.averages.copy()
        averages[row] = 0.0
        mean[row] -= averages @ mean
        scale[row] -= averages @ scale
        direct[row] -= averages @ direct
    return mean, scale, direct


def _row_data(model: Specification, mean: np.ndarray, scale: np.ndarray, direct: np.ndarray) -> RowData:
    m = merge(model.design, model.family)
    return RowData(m.rows, m.offset + m.x @ mean, m.x @ scale, m.x @ direct, m.z, m.index)


def _sums(
    model: Specification, structure: Structure, mean: np.ndarray, scale: np.ndarray, direct: np.ndarray
) -> Sums:
    design, group = model.design, model.design.group
    n = design.n_rows
    return gaussian.sums(
        y=design.rows.y - design.offset - design.x @ mean,
        weight=design.rows.weight / design.rows.se**2 if design.known_se else design.rows.weight,
        x=design.x @ scale,
        xc=design.x @ direct,
        z=group.z if group else np.zeros((n, 0)),
        index=group.index if group else np.zeros(n, np.int64),
        levels=structure.n_levels,
    )


def _constant(design: Design, model: Specification, integrate: bool) -> np.ndarray:
    constant = model.family.log_constant(design.rows).sum()
    if integrate and design.known_se:
        constant -= (design.rows.weight * np.log(design.rows.se)).sum()
    return np.asarray(constant)


def can_integrate(model: Specification) -> bool:
    """Return True if the rows are gaussian with one common factor in their precision."""
    design = model.design
    return model.family.linear_gaussian and not (design.known_se and design.se_sigma)
