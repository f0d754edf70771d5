"""One iteration of NUTS as it is written in papers: by recursion, after Stan's base_nuts."""

from dataclasses import dataclass

import numpy as np


@dataclass
class Part:
    """A trajectory or a part of it, in the order in which it was built."""

    momenta: list  # the first and the last
    total: np.ndarray
    weight: float
    proposal: np.ndarray
    steps: int = 1
    straight: bool = True


class PlainNUTS:
    def __init__(self, log_density, variance, step, rng, deepest=10):
        self.log_density, self.variance, self.step, self.rng = log_density, variance, step, rng
        self.deepest = deepest

    def energy(self, q, p):
        return 0.5 * (self.variance * p**2).sum() - self.log_density(q)[0]

    def iterate(self, q):
        """Return the next state, the steps made and the doublings kept."""
        p = self.rng.standard_normal(len(q)) / np.sqrt(self.variance)
        self.begin = self.energy(q, p)
        ends, depth, steps = {1: (q, p), -1: (q, p)}, 0, 0
        whole = Part([p, p], p, 0.0, q)  # momenta: at the end in the past, and in the future
        while depth < self.deepest:
            way = 1 if self.rng.random() > 0.5 else -1
            ends[way], new = self.build(*ends[way], depth, way)
            steps += new.steps
            if not new.straight:
                break
            depth += 1
            if np.log(self.rng.random()) < new.weight - whole.weight:
                whole.proposal = new.proposal
            before, after = (whole.momenta[::-1], new.momenta) if way < 0 else (whole.momenta, new.momenta)
            straight = self.is_straight(whole.total, new.total, before, after)
            whole.weight = np.logaddexp(whole.weight, new.weight)
            whole.total = whole.total + new.total
            whole.momenta[way > 0] = new.momenta[1]
            if not straight:
                break
        return whole.proposal, steps, depth

    def build(self, q, p, depth, way):
        if depth == 0:
            p = p + 0.5 * way * self.step * self.log_density(q)[1]
            q = q + way * self.step * self.variance * p
            p = p + 0.5 * way * self.step * self.log_density(q)[1]
            loss = self.energy(q, p) - self.begin
            return (q, p), Part([p, p], p, -loss, q, straight=loss <= 1000)
        end, one = self.build(q, p, depth - 1, way)
        if not one.straight:
            return end, one
        end, two = self.build(*end, depth - 1, way)
        steps = one.steps + two.steps
        straight = two.straight and self.is_straight(one.total, two.total, one.momenta, two.momenta)
        if not straight:
            return end, Part([], one.total, 0.0, q, steps, False)
        weight = np.logaddexp(one.weight, two.weight)
        chosen = two if np.log(self.rng.random()) < two.weight - weight else one
        momenta = [one.momenta[0], two.momenta[1]]
        return end, Part(momenta, one.total + two.total, weight, chosen.proposal, steps)

    def is_straight(self, one, two, before, after):
        def forward(total, *momenta):
            return all((self.variance * p * total).sum() > 0 for p in momenta)

        return (
            forward(one + two, before[0], after[1])
            and forward(one + after[0], before[0], after[0])
            and forward(two + before[1], before[1], after[1])
        )
