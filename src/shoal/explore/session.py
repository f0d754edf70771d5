"""A model, what a reader makes of it, and the fit that follows."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from dataclasses import replace
from typing import Any

from shoal.engine.progress import Progress
from shoal.engine.settings import Settings
from shoal.errors import ModelError
from shoal.explore.choices import Choices
from shoal.explore.controls import controls
from shoal.explore.criticism import criticism
from shoal.explore.numbers import levels_of_picture, picture, pooled_completely
from shoal.fit import run as fitting
from shoal.fit.posterior import posterior_of
from shoal.fit.results import Results
from shoal.model import Specification
from shoal.model.variants import with_pooling, with_priors
from shoal.report.run import again

CHAINS = 4
KEPT = 4  # fits


class Session:
    """One model on a page.

    Parameters
    ----------
    model : Specification
        With partial pooling, as it was first written.
    results : Results, optional
        A fit of it, which is shown until something is changed.
    data : str
        The expression that reads the table, for the script.
    seed : int
        Of every fit, so that what is seen to move was moved by the reader.
    file : str, optional
        Where the fit is kept: the script then reads the model, and its table, from there.

    Raises
    ------
    ModelError
        A variant of a model: its first priors are not known.
    """

    def __init__(
        self,
        model: Specification,
        results: Results | None,
        data: str,
        seed: int,
        file: str | None = None,
    ):
        if model.pooling != "partial":
            raise ModelError(
                "pooled-variant",
                f"This model was made with pooling {model.pooling!r}; the partial one is not known.",
                "The model as it was first written.",
                "Explore that one: the page has a switch for pooling.",
            )
        self.model, self.data, self.seed, self.file = model, data, seed, file
        self._fits: OrderedDict[str, Results] = OrderedDict()
        if results is not None:
            self._fits[Choices().key] = results
        self._lock, self._progress, self._ended = threading.Lock(), Progress(), False

    @classmethod
    def of_results(cls, results: Results, file: str | None = None) -> Session:
        """Return the session of a fit, whose table is in its file, or wherever its user has it."""
        return cls(results.model, results, "...  # the same table", int(results.attrs["seed"]), file)

    def facts(self) -> dict[str, Any]:
        """Return what the page needs before the first fit: the model and what can be moved."""
        return {"formula": self.model.text, "controls": controls(self.model), "factors": self._factors()}

    def _factors(self) -> dict[str, list[str]]:
        """Return the grouping factors of each linear predictor with the effects on it."""
        return {
            part.prefix + group.name: [group.effects[k] for k in group.own]
            for part in self.model.parts
            for group in part.groups
        }

    def fit(self, choices: Choices) -> dict[str, Any]:
        """Fit the model that was chosen, and return the numbers of its picture.

        Raises
        ------
        ShoalError
            Priors that do not fit the model, a variant that it does not have, a run that could not be made.
        """
        with self._lock:
            began = time.perf_counter()
            results = self._fitted(choices)
            group, effect = self._shown(choices)
            found = picture(results, group, effect, choices.moving)
            if choices.pooling == "complete" and group is not None:
                partial = self._fitted(replace(choices, pooling="partial"))
                alone = levels_of_picture(partial, group, effect, choices.moving)
                found["levels"] = pooled_completely(alone, results)
            found["run"]["seconds"] = round(time.perf_counter() - began, 3)
            return found

    def _shown(self, choices: Choices) -> tuple[str | None, str | None]:
        """Return the grouping factor and the effect that are shown: those chosen, or the first."""
        factors = self._factors()
        if choices.group is not None or not factors:
            return choices.group, choices.effect
        group = next(iter(factors))
        return group, factors[group][0]

    def _fitted(self, choices: Choices) -> Results:
        """Return the fit that was chosen, from among the last ones if it is there."""
        if choices.key not in self._fits:
            model = with_pooling(with_priors(self.model, choices.priors), choices.pooling)
            posterior = posterior_of(model, choices.coordinates)
            settings = Settings(choices.draws, CHAINS, seed=self.seed, cores=os.cpu_count() or 1)
            # What moves on is not sampled again: the next fit is on its way.
            rest = not choices.moving
            self._progress = Progress()
            if self._ended:
                self._progress.stop()
            results = fitting.fit(posterior, settings, "auto", self._progress, rest, certify=rest)
            self._fits[choices.key] = results
            while len(self._fits) > KEPT:
                self._fits.popitem(last=False)
        self._fits.move_to_end(choices.key)
        return self._fits[choices.key]

    def criticism(self, choices: Choices) -> dict[str, Any]:
        """Return whether to believe the fit that was chosen."""
        with self._lock:
            return criticism(self._fitted(choices))

    def script(self, choices: Choices) -> str:
        """Return Python that makes the fit that was chosen."""
        with self._lock:
            return again(self._fitted(choices), self.data, self.file, choices.priors)

    def interrupt(self) -> None:
        """Ask a running fit to end, so that another may begin."""
        self._progress.stop()

    def stop(self) -> None:
        """Ask a running fit, and all after it, to end."""
        self._ended = True
        self._progress.stop()
