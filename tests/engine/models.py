"""Models as the engine sees them, and back: its numbers under their names in the posterior."""

from dataclasses import dataclass

import numpy as np

from posterior import cases
from posterior.density import log_joint
from shoal.engine.evaluate import Target
from shoal.posterior.build import structure_of
from shoal.posterior.coordinates import Point
from shoal.posterior.posterior import posterior_of
from shoal.terms.assemble import Assembled, assemble, predictors


@dataclass(frozen=True)
class Engine:
    """A model's problem, ready to be evaluated."""

    posterior: object
    assembled: Assembled
    target: Target

    def point(self, theta, elements):
        """Return natural values by the elements (v, x)."""
        h, c = self.target.hyperparameters(theta[None])[0], self.assembled.coefficients
        beta = c.mean + c.scale @ (elements[c.b] + c.reference) + c.direct @ h[c.places]
        r = tuple(elements[e.elements].T for e in self.assembled.effects)
        return Point(h[self.assembled.places], beta, r)

    def natural(self, theta, z, evaluate):
        """Return `cases.Natural` of a map: `evaluate` returns a log density and elements (v, x)."""
        p, d, n, step = self.posterior, len(theta), len(z), 1e-5

        def named(theta, z):
            return cases.named(p, self.point(theta, evaluate(theta, z)[1]))

        values = named(theta, z)
        effects = cases.effects_of(p, values)
        by_z = [cases.effects_of(p, named(theta, z + e)) - effects for e in np.eye(n)]
        by_theta = []
        for e in step * np.eye(d):
            up, down = (cases._hypers(p, named(theta + s * e, z)) for s in (1, -1))
            by_theta.append((up - down) / (2 * step))
        return cases.Natural(
            evaluate(theta, z)[0],
            values,
            effects,
            np.reshape(by_theta, (d, d)).T,
            np.reshape(by_z, (n, len(effects))).T,
        )


def engine(model):
    """Return the engine of a model."""
    posterior = posterior_of(model)
    assembled = assemble(model)
    target = Target(assembled.problem, posterior.start(), predictors(model, structure_of(model)))
    return Engine(posterior, assembled, target)


def expected_joint(p, point, z):
    """Return the plain density times the volume of the map, with standard normals where z does not reach.

    A joint density leaves out the constant of a standard normal z.
    """
    _, singular, right = np.linalg.svd(point.by_z)
    volume = np.linalg.slogdet(point.by_theta)[1] + np.log(singular).sum()
    ignored = right[len(singular) :] @ z
    constant = 0.5 * np.log(2 * np.pi) * len(singular)
    return log_joint(p.model, point.values) + volume - 0.5 * ignored @ ignored + constant
