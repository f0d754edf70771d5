"""Draws of group effects: in memory, on disk, summarised as they come, made again, or not kept."""

import json
import re
import tracemalloc

import numpy as np
import pandas as pd
import pytest

import shoal as sl
from refusals import refused
from shoal.engine import memory
from shoal.engine.settings import Settings
from shoal.errors import ModelError
from shoal.fit import sketch, storage
from shoal.fit.level_summaries import LevelSummaries
from shoal.fit.replayed import Replayed, lazily

RADON = "log_radon ~ floor + (1 + floor | county)"
SHORT = {"draws": 250, "chains": 3, "seed": 3, "progress": False}


@pytest.fixture(scope="module")
def radon():
    return sl.Model(RADON, sl.load_dataset("radon"))


@pytest.fixture(scope="module")
def whole(radon):
    return radon.fit(**SHORT)


@pytest.fixture(scope="module")
def fits(radon, tmp_path_factory):
    pytest.importorskip("zarr", reason="checkpoints are Zarr stores, an extra")
    path = tmp_path_factory.mktemp("stores") / "run.zarr"
    return {
        "disk": radon.fit(**SHORT, store="disk", checkpoint=path),
        "replay": radon.fit(**SHORT, store="replay"),
        "summaries": radon.fit(**SHORT, store="summaries"),
    }


@pytest.mark.parametrize("store", ["disk", "replay", "summaries"])
def test_hyperparameters_do_not_depend_on_the_store(fits, whole, store):
    pd.testing.assert_frame_equal(fits[store].summary(), whole.summary())


@pytest.mark.parametrize(("store", "digits"), [("disk", 1e-6), ("replay", 0.0)])
def test_draws_on_disk_and_draws_made_again_are_those_in_memory(fits, whole, store, digits):
    expected, found = (fit.tree["posterior"]["r_county"] for fit in (whole, fits[store]))
    np.testing.assert_allclose(found.values, expected.values, rtol=digits)
    some = (slice(1, 3), slice(5, 240, 7), [4, 2], 1)
    np.testing.assert_allclose(found[some].values, expected[some].values, rtol=digits)
    np.testing.assert_allclose(found[0, :, 3].values, expected[0, :, 3].values, rtol=digits)
    assert found.dims == expected.dims
    np.testing.assert_allclose(fits[store].levels().values, whole.levels().values, rtol=digits, atol=digits)


def test_a_run_is_made_ready_once_a_reading(fits, monkeypatch):
    asked, known_run = [], storage.known_run
    monkeypatch.setattr(storage, "known_run", lambda *given: asked.append(1) or known_run(*given))
    assert fits["replay"].tree["posterior"]["r_county"][:, ::9].values.shape[:2] == (3, 28)
    assert len(asked) == 1  # of three chains of three blocks


def test_draws_made_again_are_held_once():
    shape = (2, 600, 3000)

    def make(number, at):
        return np.full((at.stop - at.start, shape[2]), number, float)

    settings = Settings(draws=shape[1], chains=shape[0], cores=2)
    array = lazily(("chain", "draw", "level"), Replayed(lambda: make, shape, settings))
    tracemalloc.start()
    try:
        values = array.values
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (values == np.arange(2)[:, None, None]).all()
    assert most < 1.6 * values.nbytes  # two blocks of a hundred draws each, and a copy of these, beside it


@pytest.mark.parametrize("store", ["disk", "replay", "summaries"])
def test_effects_are_those_of_all_draws(fits, whole, store):
    expected, found = whole.effects(prob=0.8), fits[store].effects(prob=0.8)
    assert list(found) == list(expected) and found.attrs == expected.attrs
    ends = ["eti80_lb", "eti80_ub"]
    exact = expected.columns.difference(ends)
    pd.testing.assert_frame_equal(found[exact], expected[exact], rtol=1e-5)
    # A rank is off by up to a hundredth, as few draws as these are: less than their own error.
    draws = whole.levels().values.reshape(-1, len(expected))
    for end, share in zip(ends, (0.1, 0.9), strict=True):
        assert np.abs((draws <= found[end].to_numpy()).mean(0) - share).max() < 0.012


@pytest.mark.slow
@pytest.mark.parametrize("store", ["disk", "replay", "summaries"])
def test_they_are_saved_reported_and_diagnosed(fits, tmp_path, store):
    fit = fits[store]
    loaded = sl.load(fit.save(tmp_path / "fit.nc"))
    pd.testing.assert_frame_equal(loaded.effects(), fit.effects())
    assert "store=&#39;" in fit.report(tmp_path / "fit.html").read_text()
    assert fit.diagnose() is not None and fit.plot.shrinkage().caption
    assert json.loads(fit.tree.attrs["notes"]) == [f"Group effects are kept in store={store!r}."]


@pytest.mark.parametrize("store", ["disk", "replay", "summaries", "none"])
def test_draws_are_certified_by_what_is_in_memory(radon, tmp_path, store):
    pytest.importorskip("zarr", reason="checkpoints are Zarr stores, an extra")
    how = {"draws": 1000, "seed": 3, "progress": False, "store": store}
    fit = radon.fit(**how, checkpoint=tmp_path / "run.zarr" if store == "disk" else None)
    found = fit.certificate
    small = [v.values for name, v in fit.tree["posterior"].data_vars.items() if name != "r_county"]
    varying = sum(int((np.ptp(values, axis=(0, 1)) > 0).sum()) for values in small)
    size = sum(int(np.prod(values.shape[2:])) for values in small)
    assert found.ok and found.rerun.agrees and found.rerun.quantities == varying
    assert found.measures.quantities == size + (0 if store == "none" else storage.EXAMINED)


def test_what_summaries_cannot_answer_says_what_to_do(fits, radon):
    fit = fits["summaries"]
    for ask in (fit.levels, fit.plot.caterpillar, fit.loo, lambda: fit.predict(sl.load_dataset("radon"))):
        with refused("effects-not-kept", match=r"store='disk'"):
            ask()


def test_runs_are_checked_by_some_of_the_effects(radon, monkeypatch):
    given = []
    monkeypatch.setattr("shoal.fit.run.checks.failures", lambda *parts: given.append(parts[2]) or [])
    radon.fit(**SHORT, store="summaries")
    ((effects,),) = given
    assert effects.shape == (3, 250, 40)


def test_chains_in_threads_leave_the_same_summaries(radon):
    one, two = (radon.fit(**SHORT, store="summaries", cores=cores).effects() for cores in (1, 2))
    pd.testing.assert_frame_equal(one, two)


def test_the_store_is_chosen_by_memory_and_said(radon, monkeypatch, capsys):
    spec, settings = radon.specification, Settings(**{k: SHORT[k] for k in ("draws", "chains")})
    size = 8 * 3 * 250 * 85 * 2
    monkeypatch.setattr(storage, "LARGEST_IN_DOUBLE", size - 1)
    monkeypatch.setattr(storage, "installed", lambda: 2 * size)
    assert storage.storage(spec, settings, "auto") == "single"
    monkeypatch.setattr(storage, "installed", lambda: 2 * size - 1)
    assert storage.storage(spec, settings, "auto") == "summaries"
    assert storage.storage(spec, settings, "auto", checkpoint=True) == "disk"
    radon.fit(draws=250, chains=3, seed=3)
    assert re.search(r"store='summaries'", capsys.readouterr().err)


def test_summaries_need_memory_before_a_run_begins(radon, monkeypatch):
    size = LevelSummaries.size(radon.specification, SHORT["chains"], SHORT["draws"])
    small = 16 * SHORT["chains"] * SHORT["draws"] * 200  # draws of all else, and of 40 effects
    monkeypatch.setattr(memory, "installed", lambda: size + small)
    radon.fit(**SHORT, store="summaries")
    monkeypatch.setattr(memory, "installed", lambda: size)
    with refused("memory-of-draws") as problem:
        radon.fit(**SHORT, store="summaries")
    assert problem.value.code == "memory-of-draws"


@pytest.mark.parametrize("how", [{"store": "disk"}, {"store": "all"}, {"store": None}, {"thin": 0}])
def test_impossible_stores_are_refused(radon, how):
    with pytest.raises(ModelError):
        radon.fit(**SHORT, **how)


@pytest.mark.parametrize("store", ["replay", "summaries"])
def test_a_checkpoint_holds_all_draws_or_none(radon, tmp_path, store):
    with refused("store-checkpoint", match="'disk'"):
        radon.fit(**SHORT, store=store, checkpoint=tmp_path / "run.zarr")


def test_thinned_draws_are_every_third(radon):
    thinned = radon.fit(**(SHORT | {"draws": 100}), thin=3).tree["posterior"]["sd_county"]
    every = radon.fit(**(SHORT | {"draws": 300})).tree["posterior"]["sd_county"]
    np.testing.assert_array_equal(thinned.values, every.values[:, 2::3])


# Sketches


@pytest.mark.parametrize("draws", [sketch.SIZE // 2, 1000, 20_000])
def test_quantiles_of_a_sketch_are_near_those_of_all_draws(draws):
    x = np.random.default_rng(1).gamma(2.0, size=(4, draws, 50)).astype(np.float32)
    sketches = [sketch.Sketch(50, number) for number in range(4)]
    for own, values in zip(sketches, x, strict=True):
        for begin in range(0, draws, 100):
            own.add(values[begin : begin + 100])
    found = sketch.quantiles(sketches, sketch.PROBABILITIES)
    flat = x.reshape(-1, 50)
    if draws <= sketch.SIZE:
        np.testing.assert_allclose(found, np.quantile(flat, sketch.PROBABILITIES, axis=0), rtol=1e-5)
        return  # of so few draws single ones are steps in rank
    for probability in (0.025, 0.2, 0.5, 0.95):
        at = sketch.at_probabilities(found, np.array([probability]))[0]
        off = (flat <= at).mean(0) - probability
        assert np.abs(off).max() < 0.01 and abs(off.mean()) < 0.003


@pytest.mark.parametrize("draws", [10, 300, 1000, 3000])
def test_the_memory_of_a_sketch_is_no_more_than_is_said(draws):
    x = np.random.default_rng(0).normal(size=(draws, 2000)).astype(np.float32)
    tracemalloc.start()
    try:
        own = sketch.Sketch(2000)
        for begin in range(0, draws, 100):
            own.add(x[begin : begin + 100])
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.2 * sketch.size_of(draws) < held / 2000 < most / 2000 < 1.01 * sketch.size_of(draws)


def test_all_weights_of_a_sketch_are_those_of_its_draws():
    own = sketch.Sketch(3)
    own.add(np.random.default_rng(0).normal(size=(1234, 3)))
    assert sum(len(values) * weight for values, weight in own.weighted()) == 1234


def test_quantiles_between_those_of_the_grid_lie_on_a_normal_curve():
    grid = 2.0 + 3.0 * sketch.NORMAL_SCORES[:, None]
    wanted = np.array([0.0013, 0.033, 0.5, 0.87])
    from scipy.special import ndtri

    np.testing.assert_allclose(
        sketch.at_probabilities(grid, wanted)[:, 0], 2 + 3 * np.maximum(ndtri(wanted), -3)
    )
