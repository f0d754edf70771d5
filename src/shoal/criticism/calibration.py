"""Simulation-based calibration: whether the posterior that is sampled is the posterior of the model.

Draw parameters from the prior, simulate responses, fit, and rank the true values among the posterior's
draws: if model, density and sampler agree, ranks are uniform. Talts et al. (2018), arXiv:1804.06788. Besides
the parameters the joint log likelihood is ranked, a test quantity of data and parameters together that sees
errors no single parameter shows (Modrák et al. 2023, Bayesian Analysis, doi:10.1214/23-BA1404).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from shoal.criticism.uniformity import joint_spread, uniformity
from shoal.engine.mixture import SMALL_PILOT
from shoal.engine.progress import Progress
from shoal.engine.settings import Settings
from shoal.errors import ModelError, SamplingError, listing
from shoal.estimands.predictions import check_integer
from shoal.fit.fingerprint import fingerprint
from shoal.fit.many import many, where
from shoal.fit.posterior import Posterior, posterior_of
from shoal.fit.run import sampled
from shoal.model import Specification
from shoal.model.assemble import Variables
from shoal.model.design import Design
from shoal.model.predictors import density_of_responses, linear_predictor, phi_of
from shoal.model.prior_draws import draw_prior, simulate_responses
from shoal.tables.reduction import SAMPLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALPHA = 0.05  # chance that a correct model fails any of the tests
KEPT = 100  # draws of a fit that the true value is ranked among
CORRELATED = 0.2  # lag-one autocorrelation of the kept draws above which the verdict speaks of it
FEWEST = 20  # simulations


@dataclass(frozen=True, repr=False, eq=False)
class Calibration:
    """Ranks of true values among posterior draws, and what they say.

    Attributes
    ----------
    ranks : pandas.DataFrame
        One row a simulation, one column a quantity: how many of `draws` posterior draws lie below the value
        that the responses were simulated from, 0 to `draws`. Ties are broken at random.
    draws : int
        Kept, nearly independent draws of each fit.
    autocorrelation : pandas.Series
        Lag-one autocorrelation of the kept draws of each quantity, averaged over simulations.
    divergent : int
        Simulations whose fit had divergent trajectories.
    plan : str
        How the fits were sampled.
    seconds : float
    """

    ranks: pd.DataFrame
    draws: int
    autocorrelation: pd.Series
    divergent: int
    plan: str
    seconds: float

    @property
    def level(self) -> float:
        """Level of each test: 5% shared equally (Bonferroni) by the quantities and their joint spread."""
        return ALPHA / (self.ranks.shape[1] + 1)

    @cached_property
    def joint_spread(self) -> tuple[float, float]:
        """Spread of all quantities' ranks (uniform: 1; posteriors too narrow: more), and its p-value."""
        return joint_spread(self.ranks.to_numpy(), self.draws)

    def summary(self) -> pd.DataFrame:
        """Return one row for each quantity.

        Returns
        -------
        pandas.DataFrame
            ``mean_rank``: mean of the ranks as fractions, 0.5 if uniform, less where posteriors lie too high.
            ``z``: its distance from 0.5 in standard errors. ``spread``: mean of ``12 (rank - 0.5)^2``, 1 if
            uniform; above where posteriors are too narrow. ``p_value``: of the simultaneous test of the whole
            distribution function (`uniformity`). ``inside``: the distribution function stays inside its
            simultaneous band at `level`, that is ``p_value > level``. ``autocorrelation``: of the kept draws.
        """
        fraction = (self.ranks + 0.5) / (self.draws + 1)
        p_value = uniformity(len(self.ranks), self.draws).p_value(self.ranks.to_numpy().T)
        columns = {
            "mean_rank": fraction.mean(),
            "z": (fraction.mean() - 0.5) * np.sqrt(12 * len(fraction)),
            "spread": 12 * ((fraction - 0.5) ** 2).mean(),
            "p_value": p_value,
            "inside": p_value > self.level,
            "autocorrelation": self.autocorrelation,
        }
        return pd.DataFrame(columns)

    @property
    def ok(self) -> bool:
        """True if no test finds the ranks different from uniform; a correct model fails at most 1 in 20."""
        return bool(self.summary()["inside"].all() and self.joint_spread[1] > self.level)

    @property
    def verdict(self) -> str:
        """What the ranks say, in a few sentences."""
        summary, (spread, p_spread) = self.summary(), self.joint_spread
        tests = f"{len(self.ranks)} simulations, {len(summary)} quantities, {ALPHA:.0%} false alarms in all"
        named = [f"{name} (p = {p:.2g})" for name, p in summary["p_value"].sort_values().items()]
        joint = f"joint spread {spread:.2f}, expected 1, p = {p_spread:.2g}"
        bands = "their simultaneous bands"
        if self.ok:
            found = [f"Calibrated ({tests}): all ranks stay inside {bands}, nearest {named[0]}; {joint}."]
        else:
            outside = ", ".join(named[: int((~summary["inside"]).sum())]) or "none"
            found = [f"Not calibrated ({tests}): outside {bands}: {outside}; {joint}."]
        if p_spread <= self.level:
            found.append(f"Posteriors are too {'narrow' if spread > 1 else 'wide'}.")
        if self.divergent:
            found.append(f"Fits with divergent trajectories: {self.divergent}.")
        if (worst := self.autocorrelation.max()) > CORRELATED:
            found.append(f"Kept draws are correlated (lag one up to {worst:.2f}): take more draws.")
        return " ".join(found)

    def plot(self) -> Figure:
        """Return a figure of every quantity's rank distribution less its expectation, with its band."""
        from shoal.criticism.calibration_plot import figure

        return figure(self.ranks, self.draws, self.level)

    def __repr__(self) -> str:
        return self.verdict


def sbc(
    model: Specification,
    simulations: int = 200,
    draws: int = 200,
    chains: int = 4,
    seed: int = 0,
    coordinates: str = "auto",
    sampler: str = "auto",
    cores: int | None = None,
    progress: Progress | None = None,
    workers: int | None = None,
    client: Any = None,
    checkpoint: str | Path | None = None,
) -> Calibration:
    """Calibrate a model's fits on responses simulated from its own priors.

    Parameters
    ----------
    model : Specification
        Its table gives the predictors; its responses are replaced. All priors should be ones from which
        sensible tables come.
    simulations : int
        Number S of simulated tables. With 200, four of five such errors are found: one quantity off by 0.3
        of its posterior standard deviation, or six of them a tenth too narrow.
    draws, chains : int
        Draws of each chain, of which about 100 in all are kept, evenly spaced.
    seed : int
        Each simulation has its own stream: results depend neither on `cores` nor on later simulations.
    coordinates, sampler : str
        As for a fit. The fallback to NUTS is left out, so that the planned sampler answers for itself.
    cores : int, optional
        Simulations fitted side by side; all cores by default.
    progress : Progress, optional
        Told of one draw for every finished simulation.
    workers, client, checkpoint
        As in `shoal.kfold`: simulations in processes, on a Dask cluster, kept one by one.

    Returns
    -------
    Calibration
        Ranks of every coefficient, standard deviation, correlation and parameter of the family, of the
        effects of the first and the last level, and of the joint log likelihood of the raw rows.

    Raises
    ------
    ModelError
        Impossible settings, weighted or censored rows, or a model without a free parameter.
    SamplingError
        A simulated table that could not be fitted; none is left out, for that would bend the ranks.
    """
    limits = (("simulations", simulations, FEWEST), ("draws", draws, 4), ("chains", chains, 1))
    for name, value, least in limits:
        check_integer(name, value, least)
    began, progress = time.perf_counter(), progress or Progress()
    _check_recursive(model)
    model.require_rows("A calibration by simulated responses", SAMPLE)
    if any(not design.rows.observed.all() for design in model.designs):
        raise ModelError(
            "calibration-of-censored",
            "Rows are censored, and responses that are simulated are not.",
            "A model whose responses are all observed.",
            "Check the model without cens(...).",
        )
    posterior = posterior_of(model, coordinates, sampler)
    at = where(cores, workers, client, checkpoint)
    # Few draws of many tables: each is explored at few points.
    settings = Settings(draws=draws, chains=chains, cores=1, seed=seed, pilot=SMALL_PILOT)
    simulated = _Simulations(posterior, _free_quantities(model), settings)
    about = fingerprint(model, settings, coordinates=coordinates, sampler=sampler)
    progress.stage("calibrating", simulations)
    done = many(simulated, simulations, at, about, progress)
    return Calibration(
        ranks=pd.DataFrame([table["rank"] for table in done]).reset_index(drop=True),
        draws=len(_kept(settings)) * chains,
        autocorrelation=pd.DataFrame([table["autocorrelation"] for table in done]).mean(),
        divergent=sum(table.attrs["divergent"] for table in done),
        plan=str(posterior.plan),
        seconds=time.perf_counter() - began,
    )


def _check_recursive(model: Specification) -> None:
    """Raise if a response is a predictor of another: its simulated values would change the design."""
    responses = {c for d in model.designs for c in d.formula.response.value.columns}
    for design in model.designs:
        own = set(design.formula.response.value.columns)
        if used := responses & ({c for part in design.parts for c in part.formula.columns} - own):
            raise ModelError(
                "calibration-of-predictors",
                f"{listing(sorted(used))} is a response and a predictor of another response.",
                "Calibration simulates all responses given fixed predictors.",
                "Calibrate each response's model alone.",
            )


def _free_quantities(model: Specification) -> list[str]:
    """Return the quantities that vary under the prior."""
    quantities = _quantities(model, draw_prior(model, np.random.default_rng(0), 2))
    names = [name for name, (first, second) in quantities.items() if first != second]
    if not names:
        raise ModelError(
            "nothing-to-calibrate",
            "All parameters of the model are Fixed.",
            "At least one parameter to calibrate.",
        )
    return names


@dataclass(frozen=True)
class _Simulations:
    """Simulated tables that are fitted, and the rank of the truth among the draws of each quantity."""

    posterior: Posterior
    names: list[str]
    settings: Settings

    def __call__(self, number: int) -> pd.DataFrame:
        """Return rank and autocorrelation of each quantity, and in ``attrs`` whether the fit diverged."""
        seed = self.settings.seed
        try:
            return self._ranked(np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,))))
        except SamplingError as problem:
            found = f"Simulation {number} of seed {seed}: {problem.found}"
            raise SamplingError(problem.code, found) from problem

    def _ranked(self, rng: np.random.Generator) -> pd.DataFrame:
        truth = draw_prior(self.posterior.model, rng, 1)
        ys = simulate_responses(self.posterior.model, {name: value[0] for name, value in truth.items()}, rng)
        simulated = self.posterior.with_responses(*ys)
        settings = replace(self.settings, seed=int(rng.integers(2**31)))
        drawn, variables = sampled(simulated, simulated.plan.sampler, settings, Progress())
        # The truth stands in front of the draws, so that both go through the same arithmetic.
        kept = _named(variables, settings)
        both = {name: np.concatenate([truth[name], kept[name]]) for name in truth}
        values = _quantities(simulated.model, both)
        ranks = [_rank(values[name], rng) for name in self.names]
        correlated = [_autocorrelation(values[name][1:], settings.chains) for name in self.names]
        table = pd.DataFrame({"rank": ranks, "autocorrelation": correlated}, index=self.names)
        table.attrs["divergent"] = bool(drawn.stats["diverging"].any())
        return table


def _kept(settings: Settings) -> np.ndarray:
    """Return the positions of the draws of a chain that are kept."""
    count = min(settings.draws, max(1, KEPT // settings.chains))
    return np.arange(1, count + 1) * (settings.draws // count) - 1


def _named(variables: Variables, settings: Settings) -> dict[str, np.ndarray]:
    """Return the kept draws by their names in a result, chains one after the other, (L, ...)."""
    kept = _kept(settings)
    return {name: v[:, kept].reshape(-1, *v.shape[2:]) for name, (_, v) in variables.items()}


def _rank(values: np.ndarray, rng: np.random.Generator) -> int:
    """Return how many of ``values[1:]`` lie below ``values[0]``, ties broken at random."""
    truth, draws = values[0], values[1:]
    return int((draws < truth).sum() + rng.integers(1 + (draws == truth).sum()))


def _autocorrelation(draws: np.ndarray, chains: int) -> float:
    away = (draws - draws.mean()).reshape(chains, -1)
    variance = np.mean(away**2)
    return float(np.mean(away[:, 1:] * away[:, :-1]) / variance) if variance and away.shape[1] > 1 else 0.0


def _quantities(model: Specification, draws: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what is ranked, (n,) by name, from n draws of every parameter."""
    out: dict[str, np.ndarray] = {}
    for variable in model.variables:
        values = draws[variable.name]
        if variable.many:  # of all levels the first and the last stand for the others
            ends = {dim: labels[[0, -1]] for dim, labels in list(variable.dims.items())[:1]}
            variable, values = replace(variable, dims={**variable.dims, **ends}), values[:, [0, -1]]
        for element in variable.elements():
            label, where = ", ".join(element.labels), cast(Any, (..., *element.position))
            out[f"{variable.name}[{label}]" if label else variable.name] = values[where]
    for design in model.designs:
        if not design.rescor:
            out[f"{design.prefix}log likelihood"] = _log_likelihood(design, draws)
    if model.designs[0].rescor:
        out["log likelihood"] = _of_responses(model.designs, draws)
    return out


def _of_responses(designs: Sequence[Design], draws: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the log likelihood of responses whose residuals correlate, (n,)."""
    predicted = [(d, linear_predictor(d, draws), phi_of(d, draws)) for d in designs]
    return density_of_responses(predicted, draws["rescor"]).sum(-1)


def _log_likelihood(design: Design, draws: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the log likelihood of the raw rows of one response at each draw, (n,)."""
    phi, eta = phi_of(design, draws), linear_predictor(design, draws)
    if design.residuals is not None:
        known = design.rows.weight > 0
        return design.residuals.log_density(design.rows.y, eta, phi["sigma"], known, draws)
    return design.family.evaluate(design.rows, eta, phi).value.sum(-1)
