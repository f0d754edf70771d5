"""A table for curves: numbers, categories, counts and an ordered predictor."""

import numpy as np
import pandas as pd

STEPS = np.array([0.0, 0.1, 0.9, 1.0, 1.5])


def table(seed: int = 0, rows: int = 120) -> pd.DataFrame:
    """Return rows with y, a sine of x and steps of q, and counts c with the same logarithm."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": rng.uniform(-3, 5, rows),
            "z": rng.normal(size=rows),
            "f": rng.permutation(np.resize(["a", "b"], rows)),
            "q": rng.permutation(np.resize(np.arange(5), rows)),
            "g": rng.permutation(np.resize(np.arange(6), rows)),
        }
    )
    frame["w"] = rng.uniform(0.5, 2, rows)
    frame["eta"] = np.sin(frame.x) + STEPS[frame.q] - 0.5
    frame["y"] = frame.eta + 0.4 * rng.normal(size=rows)
    frame["c"] = rng.poisson(np.exp(frame.eta))
    return frame
