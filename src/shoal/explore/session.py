"""A model, what a reader makes of it, and the fit that follows."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

from shoal.engine.progress import Progress
from shoal.engine.settings import Settings
from shoal.errors import ModelError
from shoal.explore.choices import Choices
from shoal.explore.controls import controls
from shoal.explore.criticism import criticism
from shoal.explore.numbers import picture, pooled_completely
from shoal.fit import run as fitting
from shoal.fit.posterior import posterior_of
from shoal.fit.results import Results
from shoal.model import Specification
from shoal.model.variants import with_pooling, with_priors
from shoal.report.run import again

CHAINS = 4


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

    Raises
    ------
    ModelError
        A variant of a model: its first priors are not known.
    """

    def __init__(self, model: Specification, results: Results | None, data: str, seed: int):
        if model.pooling != "partial":
            raise ModelError(
                f"This model was made with pooling {model.pooling!r}; the partial one is not known.",
                "The model as it was first written.",
                "Explore that one: the page has a switch for pooling.",
            )
        self.model, self.data, self.seed = model, data, seed
        self._first, self._results = results, results
        self._alone: dict[str, Any] = {}
        self._lock, self._progress = threading.Lock(), Progress()

    def facts(self) -> dict[str, Any]:
        """Return what the page needs before the first fit: the model and what can be moved."""
        factors = {
            design.prefix + group.name: list(group.effects)
            for design in self.model.parts
            for group in design.groups
        }
        return {"formula": self.model.text, "controls": controls(self.model), "factors": factors}

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
            self._results = results
            found = picture(results, choices.group, choices.effect)
            if choices.pooling == "partial":
                self._alone = found["levels"]
            elif choices.pooling == "complete":
                found["levels"] = pooled_completely(self._alone, results)
            found["run"]["seconds"] = round(time.perf_counter() - began, 3)
            return found

    def _fitted(self, choices: Choices) -> Results:
        if self._first is not None and choices == Choices(group=choices.group, effect=choices.effect):
            return self._first
        model = with_pooling(with_priors(self.model, choices.priors), choices.pooling)
        posterior = posterior_of(model, choices.coordinates)
        settings = Settings(choices.draws, CHAINS, seed=self.seed, cores=os.cpu_count() or 1)
        # What moves on is not sampled again: the next fit is on its way.
        return fitting.fit(posterior, settings, "auto", self._progress, second=not choices.moving)

    def criticism(self) -> dict[str, Any]:
        """Return whether to believe the fit that is shown.

        Raises
        ------
        ModelError
            Before there is one.
        """
        with self._lock:
            return criticism(self._shown())

    def script(self) -> str:
        """Return Python that makes the fit that is shown.

        Raises
        ------
        ModelError
            Before there is one.
        """
        return again(self._shown(), self.data)

    def _shown(self) -> Results:
        if self._results is None:
            raise ModelError("Nothing was fitted yet.", "A fit.")
        return self._results

    def stop(self) -> None:
        """Ask a running fit to end."""
        self._progress.stop()

