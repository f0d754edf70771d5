"""Responses of a row that have one density together: residuals that correlate and share a parameter, nu.

Their rows are a block of the engine with the family's row function of several responses, a linear predictor
for each response, and one for each sigma that is predicted. Of some responses of a row, where others are not
known, the density has the same form: each set of them is a block of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from shoal.engine.build import Builder
from shoal.engine.problem import ONE, ZERO
from shoal.families import Rows
from shoal.families.predicted_parameters import CODES, COMMON
from shoal.model.design import Design
from shoal.model.terms import functions as f
from shoal.model.terms.residual_correlation import ResidualCorrelation
from shoal.model.terms.term import Drawn, Draws, Judged, Placed, seen
from shoal.model.terms.variable import Default, Variable
from shoal.priors import Prior


@dataclass(frozen=True)
class JointResponses(ResidualCorrelation):
    """The correlation of several responses' residuals, and what else their densities share."""

    @property
    def shared(self) -> tuple[str, ...]:
        """The parameters that all of them have in common, by the family's names and in the posterior."""
        return self.designs[0].shared

    def variables(self) -> Iterator[Variable]:
        yield from super().variables()
        for name in self.shared:
            defaults = partial(self._default, name)
            yield Variable(name, "family", self.designs[0].prefix, priors=(name,), place=1, defaults=defaults)

    def _default(self, name: str) -> Iterator[Default]:
        design = self.designs[0]
        yield Default(name, design.family.parameter_prior(name, design.counting.rows))

    def hyperparameters(self) -> Mapping[str, Prior]:
        return {**super().hyperparameters(), **{name: self.priors[name].prior for name in self.shared}}

    def place(self, builder: Builder, before: Sequence[Placed]) -> PlacedResponses:
        return PlacedResponses(self)

    def named(self, values: Draws) -> dict[str, np.ndarray]:
        return super().named(values) | {name: values[name] for name in self.shared}

    def judged(self, draws: Draws) -> Iterator[Judged]:
        yield from super().judged(draws)
        yield from (Judged(name, (draws[name],)) for name in self.shared)

    def equations(self, design: Design) -> list[str]:
        return [f"{words}, and share {', '.join(self.shared)}" for words in super().equations(design)]


@dataclass(frozen=True)
class PlacedResponses(Placed):
    """Responses of a row, which declare their rows together."""

    term: JointResponses

    def draws(self, drawn: Drawn) -> dict[str, np.ndarray]:
        return self.term.named(drawn.values)

    def complete(self, builder: Builder, placed: Sequence[Placed]) -> np.ndarray:
        """Declare the rows, those of which the same responses are known together; weight 0 says they are not.

        Returns
        -------
        (lines,) array
            Linear predictors near the rows' own estimates.
        """
        designs, partials = self.term.designs, [builder.names[name] for name in self.term.partials]
        size = len(designs)
        root = builder.derive(
            (f.covariance_root, f.covariance_root_adjoint),
            [*[ONE] * size, *partials],
            [],
            size * (size + 1) // 2,
        )
        correlations = np.zeros((size, size), int)
        correlations[np.tril_indices(size, -1)] = builder.derive(
            (f.products_of_rows, f.products_of_rows_adjoint), root, [], size * (size - 1) // 2
        )
        there, begin = np.stack([design.rows.weight > 0 for design in designs]), [np.zeros(0)]
        for known in np.unique(there[:, there.any(axis=0)], axis=1).T:
            among, rows = np.flatnonzero(known), np.flatnonzero((there == known[:, None]).all(axis=0))
            pairs = correlations[np.ix_(among, among)][np.tril_indices(len(among), -1)]
            begin += self._block(builder, placed, [designs[k] for k in among], rows, pairs.tolist())
        return np.concatenate(begin)

    def _block(
        self,
        builder: Builder,
        placed: Sequence[Placed],
        designs: Sequence[Design],
        rows: np.ndarray,
        correlations: list[int],
    ) -> list[np.ndarray]:
        """Declare the rows of some responses, by the places of their correlations."""
        first, *others = (design.rows.at(rows) for design in designs)
        both = Rows(*first[:4], columns=np.stack([own.y for own in others]) if others else None)
        predicted = [part for design in designs for part in design.predictors]
        parts = [*designs, *predicted]
        lines, offsets = zip(*(seen(placed, part, rows) for part in parts), strict=True)
        scales = [
            builder.names[design.named("sigma")] if "sigma" in design.scalars else ZERO for design in designs
        ]
        links = [CODES[own[0].family.link] if (own := d.predictors) else COMMON for d in designs]
        shared = [builder.names[name] for name in self.term.shared]
        function = designs[0].family.joint_rows
        assert function is not None
        builder.rows(
            function,
            both,
            list(lines),
            np.stack(offsets),
            [*scales, *shared, *correlations],
            [*links, *[COMMON] * len(shared), *[COMMON] * len(correlations)],
        )
        return [part.family.start(part.rows.at(rows)) for part in parts]
