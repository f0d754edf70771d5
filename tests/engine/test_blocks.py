"""Runs that are stopped between blocks go on to the draws of a run that was not."""

from dataclasses import replace

import numpy as np
import pytest

from engine.targets import normal, skewed
from shoal.engine import blocks, sampler
from shoal.engine.explore import LARGEST_MIXTURE
from shoal.engine.progress import Progress
from shoal.engine.record import Record
from shoal.engine.settings import Settings
from shoal.errors import SamplingError

SHORT = Settings(draws=350, chains=3, warmup=100, seed=5, cores=2)
RUNS = [
    ("independence", lambda: normal(2, 2)[0]),
    ("alternating", lambda: skewed(0.7, 3.0)),
    ("hmc", lambda: skewed(0.7, 3.0)),
    pytest.param("pilot", lambda: normal(LARGEST_MIXTURE + 1, 1)[0], marks=pytest.mark.slow),
    ("nuts", lambda: skewed(0.7, 3.0)),
]


class Stops(Progress):
    """A run that is stopped after so many of its looks at progress."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def check(self):
        self.after -= 1
        if self.after < 0:
            self.stop()
        super().check()


def sample(target, how, settings, progress=None, record=None):
    elements = np.arange(len(target.problem.scales.constant) + target.n_effects)
    progress = progress or Progress()
    return sampler.sample(target, how, "transport", elements, settings, progress, record)


def in_parts(made, how, settings):
    """Return the draws of a run that was stopped again and again, each time by another process as it were."""
    record, stopped = Record(resumes=True), 0
    while True:
        progress = Stops(9 + stopped)
        try:
            return sample(made(), how, settings, progress, record), record, stopped
        except SamplingError:
            stopped += 1


def assert_same_draws(one, two):
    np.testing.assert_array_equal(one.theta, two.theta)
    np.testing.assert_array_equal(one.points, two.points)
    assert one.facts == two.facts and one.sampler == two.sampler
    for name, values in one.stats.items():
        np.testing.assert_array_equal(values, two.stats[name], err_msg=name)


@pytest.mark.parametrize("thin", [1, 3])
@pytest.mark.parametrize(("how", "made"), RUNS)
def test_a_run_in_parts_makes_the_draws_of_one_that_was_not_stopped(how, made, thin):
    settings = replace(SHORT, thin=thin)
    whole = sample(made(), how, settings)
    parts, _, stopped = in_parts(made, how, settings)
    assert stopped > 0
    assert_same_draws(whole, parts)


@pytest.mark.parametrize(("how", "made"), RUNS)
def test_each_block_can_be_made_again_from_the_state_behind_the_one_before(how, made):
    settings = replace(SHORT, thin=2)
    whole, record, _ = in_parts(made, how, settings)
    target = made()
    elements = np.arange(whole.points.shape[2])
    run = sampler.known_run(target, "transport", elements, settings, record)
    states = record.array("states", (), ())
    for number in range(settings.chains):
        for at in blocks.blocks(settings):
            out = blocks.again(run, states, number, at, settings)
            np.testing.assert_array_equal(out.theta, whole.theta[number, at])
            np.testing.assert_array_equal(out.point, whole.points[number, at])


def test_who_takes_blocks_is_given_all_of_them_and_only_the_first_elements_are_kept():
    target, taken = normal(2, 2)[0], np.zeros((3, 350, 6))
    whole = sample(target, "alternating", SHORT)

    def take(number, at, out):
        taken[number, at] = out.point

    elements = np.arange(6)
    record = Record()
    some = sampler.sample(
        target, "alternating", "transport", elements, SHORT, Progress(), record, kept=2, take=take
    )
    np.testing.assert_array_equal(taken, whole.points)
    np.testing.assert_array_equal(some.points, whole.points[..., :2])


def test_thinned_draws_are_those_between_and_the_worst_of_their_divergences():
    class Counts:
        worst = 1
        made = 0

        def advance(self, count):
            numbers = np.arange(self.made, self.made + count, dtype=float)
            self.made += count
            stats = np.stack([numbers, numbers % 7 == 0], axis=1).astype(float)
            return blocks.Output(numbers[:, None], 2 * numbers[:, None], stats)

    out = blocks.advanced(Counts(), 70, 5)
    expected = np.arange(4, 350, 5)
    np.testing.assert_array_equal(out.theta[:, 0], expected)
    np.testing.assert_array_equal(out.point[:, 0], 2 * expected)
    worst = [any(k % 7 == 0 for k in range(last - 4, last + 1)) for last in expected]
    np.testing.assert_array_equal(out.stats, np.stack([expected, worst], axis=1))
