"""Population coefficients of a response, and the means of its cutpoints.

Coefficients with normal priors are effects: on their own scale they are ``mean + scale @ b + direct @ c``,
b standardised and c the coefficients whose priors are not normal, which are hyperparameters. A default
Intercept prior speaks of the linear predictor at average columns, so the Intercept is that value less the
average of every other column times its coefficient: a row of `scale`. The mean of a set of cutpoints is one
more coefficient, of a column that is -1 in its rows.

Coefficients that rows are no quadratic of although these are kept as sums, those of the sigma of correlated
residuals, are `sampled`: b stands among the hyperparameters then, and `scale` moves into `direct`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.levels import Move, Part
from shoal.engine.lines import Lines
from shoal.engine.problem import ONE
from shoal.model.design import Design
from shoal.model.scatter import constant_in, inverse
from shoal.model.terms.shrinkage import PlacedShrinkage
from shoal.model.terms.student_cutpoints import WIDER
from shoal.model.terms.term import Drawn, Draws, Judged, Placed, Term
from shoal.model.terms.units import location_of, reach_of, residual_unit, scale_of, wider
from shoal.model.terms.variable import Default, Priors, Variable
from shoal.priors import Fixed, Normal, Prior, Shrunk, StudentT

ROUNDING = 1e-12  # of entries of a pseudo-inverse that are zero


@dataclass(frozen=True)
class Coefficients(Term):
    """Coefficients of the population columns of one response; `sampled`, as hyperparameters all of them."""

    design: Design
    priors: Priors
    sampled: bool = False

    def variables(self) -> Iterator[Variable]:
        prefix = self.design.prefix
        for place, name in enumerate(self.design.columns):
            defaults = partial(self._defaults, place)
            yield Variable(name, "coefficient", prefix, {}, (name,), place=place, defaults=defaults)

    def _defaults(self, column: int) -> Iterator[Default]:
        design, name = self.design, self.design.columns[column]
        unit = 2.5 * scale_of(design)
        if "Intercept" not in design.terms or design.terms[column] == "Intercept":
            unit = float(np.hypot(unit, reach_of(design)))
        if design.terms[column] == "Intercept":
            prior = Normal(location_of(design), unit)
            yield Default(name, prior, wider(design, "Intercept"), centered=True)
            return
        names = wider(design, "b")
        if design.specific:  # of one predictor at all cutpoints
            names = (names[0], f"{design.response_prefix}{design.terms[column]}", *names[1:])
        if self._known(name):  # what is given takes this one's place
            yield Default(name, Normal(0.0, 1.0), names, shrunk=Shrunk(0.0, 1.0))
            return
        mean, spread = self._default
        at = self._slopes.index(column)
        middle = location_of(design) * float(mean[at]) if mean[at] else 0.0
        prior = Normal(middle, unit * float(np.sqrt(spread[at, at])))
        shrunk = None if self.sampled else Shrunk(0.0, residual_unit(design) / float(design.spreads[column]))
        joint = bool(np.delete(spread[at], at).any())
        yield Default(name, prior, names, joint=joint, shrunk=shrunk)

    @property
    def _slopes(self) -> list[int]:
        """Columns that are not the Intercept, and whose coefficients are not known."""
        pairs = enumerate(zip(self.design.terms, self.design.columns, strict=True))
        return [i for i, (term, name) in pairs if term != "Intercept" and not self._known(name)]

    def _known(self, name: str) -> bool:
        return name in self.priors and isinstance(self.priors[name].prior, Fixed)

    @cached_property
    def _default(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of the default prior of slopes, in units of the response's location and scale.

        The linear predictor has the same prior in every direction of what the columns span (see
        `model.scatter`). Where they span the constant without an Intercept, as the cells of ``0 + g`` do, so
        have its deviations from a constant at the location of the response. Columns whose coefficients are
        known have no part in it.
        """
        slopes, design = self._slopes, self.design
        shape, constant = design.scatter[np.ix_(slopes, slopes)], None
        if "Intercept" not in design.terms and not design.family.cut:
            constant = constant_in(design.x[:, slopes])
        if constant is not None:
            shape = shape + np.outer(design.averages[slopes], design.averages[slopes])
        mean = np.zeros(len(slopes)) if constant is None else constant
        return mean, inverse(shape)

    def hyperparameters(self) -> Mapping[str, Prior]:
        priors = {c: self.priors[c].prior for c in self.design.columns}
        own = {c: p for c, p in priors.items() if not isinstance(p, Normal | Fixed)}
        standard: dict[str, Prior] = {
            f"standard:{c}": Normal(0.0, 1.0) for c, p in priors.items() if isinstance(p, Normal)
        }
        return standard | own if self.sampled else own

    def affine(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return `mean` (P,), `scale` (P, p), `direct` (P, q); P counts the means of cutpoints, if any."""
        design, priors = self.design, self.priors
        resolved = [priors[c].prior for c in design.columns]
        for name, count in design.cutpoint_sets.items():
            mu, sigma = base_of(priors[name].prior).params
            resolved.append(Normal(mu, sigma / np.sqrt(count)))
        normal = [i for i, p in enumerate(resolved) if isinstance(p, Normal)]
        other = [i for i, p in enumerate(resolved) if not isinstance(p, Normal | Fixed)]
        mean, scale = np.zeros(len(resolved)), np.zeros((len(resolved), len(normal)))
        direct = np.zeros((len(resolved), len(other)))
        direct[other, range(len(other))] = 1.0
        for i, prior in enumerate(resolved):
            if isinstance(prior, Normal):
                mean[i], scale[i, normal.index(i)] = prior.params
            elif isinstance(prior, Fixed):
                mean[i] = prior.value
        joint, _, root = self.joint()
        columns = [normal.index(i) for i in joint]
        scale[np.ix_(joint, columns)] = root
        self._center(mean, scale, direct)
        return mean, scale, direct

    def prior_of(self, weights: Mapping[str, float]) -> tuple[float, float, list[tuple[float, Prior]]] | None:
        """Return the prior of a sum of coefficients times numbers: a normal one, and what is added to it.

        Returns
        -------
        tuple or None
            Mean and standard deviation of the normal part, and each other prior with its weight; None where
            a shrinkage prior has a part in it.
        """
        parts = self.affine()
        combined = np.zeros(len(parts[0]))
        for name, weight in weights.items():
            combined[self.design.columns.index(name)] = weight
        mean, scale, direct = (part.T @ combined for part in parts)
        normal = [c for c in self.design.columns if isinstance(self.priors[c].prior, Normal)]
        if any(isinstance(self.priors[c].prior, Shrunk) and scale[i] for i, c in enumerate(normal)):
            return None
        others = zip(direct, self.hyperparameters().values(), strict=True)
        return float(mean), float(np.sqrt(scale @ scale)), [(float(w), p) for w, p in others if w]

    def joint(self) -> tuple[list[int], np.ndarray, np.ndarray]:
        """Return the columns whose priors are one joint normal, its mean, and a root of its covariance."""
        joint = [i for i, name in enumerate(self.design.columns) if self.priors[name].joint]
        normal = np.array([self.priors[self.design.columns[i]].prior.params for i in joint]).reshape(-1, 2)
        own = [self._slopes.index(i) for i in joint]
        shape = self._default[1][np.ix_(own, own)] if joint else np.zeros((0, 0))
        unit = np.sqrt(np.diagonal(shape))
        return joint, normal[:, 0], np.linalg.cholesky(shape / np.outer(unit, unit)) * normal[:, 1:]

    def _center(self, *arrays: np.ndarray) -> None:
        """Move the row of a default Intercept, or of the means of default cutpoints, to average columns."""
        design = self.design
        averages, sign = design.averages.copy(), 1.0
        moved = dict(zip(design.cutpoint_sets, range(len(design.columns), len(arrays[0])), strict=True))
        if "Intercept" in design.terms:
            row = design.terms.index("Intercept")
            averages[row], sign, moved = 0.0, -1.0, {design.columns[row]: row}
        for name, row in moved.items():
            if self.priors[name].centered:
                for array in arrays:
                    array[row] += sign * averages @ array[: len(averages)]

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedCoefficients:
        mean, scale, direct = self.affine()
        theta = np.array([builder.names[name] for name in self.hyperparameters()], int)
        if self.sampled:
            nothing, direct = np.zeros(0, int), np.concatenate([scale, direct], axis=1)
            return PlacedCoefficients(
                self, mean, scale[:, :0], direct, nothing, nothing, nothing, theta, nothing
            )
        names = [c for c in self.design.columns if isinstance(self.priors[c].prior, Normal)]
        scales = self._scales(before)
        places = np.array(
            [scales.get(name, ONE) for name in names] + [ONE] * len(self.design.cutpoint_sets), int
        )
        reference = self._reference(mean, scale, np.array([p == ONE for p in places], bool))
        x = builder.effects(len(places), mean=-reference)
        b = builder.columns(len(places))
        builder.scale(b, x, places)
        c = builder.columns(len(theta))
        builder.shift(c, theta)
        return PlacedCoefficients(self, mean + scale @ reference, scale, direct, x, b, c, theta, places)

    def _scales(self, before: Sequence[Placed]) -> Mapping[str, int]:
        """Return the places in h of what slopes under a shrinkage prior are multiplied by."""
        own = (p for p in before if isinstance(p, PlacedShrinkage) and p.term.design is self.design)
        return next((p.scales for p in own), {})

    def draw_prior(self, given: Draws, rng: np.random.Generator, size: int) -> dict[str, np.ndarray]:
        """Return draws; a default Intercept is drawn at average columns, and moved from there."""
        design = self.design
        draws = {name: self.priors[name].prior.draw(rng, size) for name in design.columns}
        joint, mean, root = self.joint()
        together = mean + rng.normal(size=(size, len(joint))) @ root.T
        draws |= {design.columns[i]: drawn for i, drawn in zip(joint, together.T, strict=True)}
        if (scales := given.get(f"{design.prefix}scale_b")) is not None:
            shrunk = [c for c in design.columns if isinstance(self.priors[c].prior, Shrunk)]
            draws |= {c: draws[c] * scales[:, i] for i, c in enumerate(shrunk)}
        if "Intercept" in design.terms:
            intercept = design.columns[design.terms.index("Intercept")]
            if self.priors[intercept].centered:
                others = at_average(design, draws) - draws[intercept]
                draws[intercept] = draws[intercept] - others
        return draws

    def judged(self, draws: Draws) -> Iterator[Judged]:
        for term, name in zip(self.design.terms, self.design.columns, strict=True):
            centered = term == "Intercept" and self.priors[name].centered
            if not isinstance(self.priors[name].prior, Shrunk) and not self.priors[name].joint:
                yield Judged(name, (at_average(self.design, draws) if centered else draws[name],))

        joint, mean, root = self.joint()
        if joint:
            values = np.stack([draws[self.design.columns[i]] for i in joint], axis=-1)
            independent = np.moveaxis((values - mean) @ np.linalg.inv(root).T, -1, 0)
            constant, standard = -float(np.log(np.diagonal(root)).sum()), Normal(0.0, 1.0)
            yield Judged(f"{self.design.prefix}b", tuple(independent), constant, prior=standard)

    def predictor(self, design: Design, draws: Draws) -> np.ndarray | float:
        if design is not self.design:
            return 0.0
        pairs = zip(design.columns, design.x.T, strict=True)
        return sum((np.multiply.outer(draws[name], column) for name, column in pairs), np.zeros(()))

    def summands(self, design: Design) -> list[str]:
        if design is not self.design:
            return []
        pairs = zip(design.terms, design.columns, strict=True)
        return [name if term == "Intercept" else f"b[{name}] {term}[i]" for term, name in pairs]

    def columns(self, first: np.ndarray) -> np.ndarray:
        """Return the columns of some rows, (M, P)."""
        sets = self.design.thresholds
        x = self.design.x[first]
        return x if sets is None else np.column_stack([x, -sets.columns(first)])

    def _reference(self, mean: np.ndarray, scale: np.ndarray, free: np.ndarray) -> np.ndarray:
        """Return a least squares fit of gaussian rows, (p,): sums measured from it lose no digits.

        0 for slopes under a shrinkage prior: in units of a scale that goes to zero, any other number would
        be of any size.
        """
        reference = np.zeros(scale.shape[1])
        if not self.design.exactly_gaussian or not free.any():
            return reference
        columns = self.columns(np.arange(self.design.n_rows))
        weight, y = self.design.gaussian_response(self.design.offset + columns @ mean)
        x = (columns @ scale)[:, free]
        gram = x.T @ (weight[:, None] * x)
        reference[free] = np.linalg.solve(gram + np.eye(len(gram)), x.T @ (weight * y))
        return reference


@dataclass(frozen=True)
class PlacedCoefficients(Placed):
    """Coefficients ``mean + scale @ b + direct @ c``: b and c elements of v, c the numbers of h at `theta`.

    `x` holds the effects behind b, `scales` the places in h of what multiplies them.
    """

    term: Coefficients
    mean: np.ndarray
    scale: np.ndarray
    direct: np.ndarray
    x: np.ndarray
    b: np.ndarray
    c: np.ndarray
    theta: np.ndarray
    scales: np.ndarray

    def lines(self, design: Design, first: np.ndarray) -> Lines | None:
        if design is not self.term.design or self.term.sampled:
            return None
        columns = self.term.columns(first)
        values = np.concatenate([columns @ self.scale, columns @ self.direct], axis=1)
        line, column = np.nonzero(values)
        return Lines(line, np.concatenate([self.b, self.c])[column], values[line, column])

    def offset(self, design: Design, first: np.ndarray) -> np.ndarray | float:
        return self.term.columns(first) @ self.mean if design is self.term.design else 0.0

    def part_of(self, combined: np.ndarray) -> Part:
        """Return a combination of coefficients, by weights (P,), as a function of v."""
        weights = combined @ np.concatenate([self.scale, self.direct], axis=1)
        used = np.flatnonzero(weights)
        return Part(float(combined @ self.mean), np.concatenate([self.b, self.c])[used], weights[used])

    def move_of(self, change: np.ndarray) -> Move:
        """Return the change of the effects behind b that changes the coefficients by `change`, (P,)."""
        moves = np.linalg.pinv(self.scale) @ change
        used = np.flatnonzero(np.abs(moves) > ROUNDING * np.abs(moves).max(initial=0.0))
        return Move(self.x[used], moves[used], self.scales[used])

    def coefficients(self, drawn: Drawn) -> np.ndarray:
        """Return draws of all coefficients, (chain, draw, P)."""
        return self.mean + drawn.elements(self.b) @ self.scale.T + drawn.h[..., self.theta] @ self.direct.T

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        values = self.coefficients(drawn)
        return {name: values[..., i] for i, name in enumerate(self.term.design.columns)}

    def small(self) -> np.ndarray:
        return self.b


def base_of(prior: Prior) -> Normal:
    """Return the normal in which the engine has cutpoints: their prior, or one wider than a Student-t."""
    return Normal(prior.mu, WIDER * prior.sigma) if isinstance(prior, StudentT) else Normal(*prior.params)


def at_average(design: Design, draws: Draws) -> np.ndarray:
    """Return the linear predictor at average columns, less what offsets add to it."""
    pairs = zip(design.columns, design.averages, strict=True)
    return sum((mean * draws[name] for name, mean in pairs), np.zeros(()))
