"""
Reed frogs: a standard deviation by cross-validation, or learned
================================================================

48 tanks of tadpoles, of which so many survived (Vonesh and Bolker 2005): the case study of lecture 12 of
Statistical Rethinking 2023, in its PyMC port. How different are tanks? A standard deviation that is too
small hides what is there, one too large believes every tank. The lecture first finds it by refitting over a
grid and cross-validation, then learns it in one fit, and then lets predators explain half of it away.
"""

import numpy as np
import pandas as pd
from _gallery import DRAWS, FAST, beside, show
from scipy.special import logsumexp
from scipy.stats import binom

import shoal as sl

frogs = sl.load_dataset("reedfrogs")
frogs["tank"] = np.arange(1, len(frogs) + 1)
mean_prior = sl.priors.Normal(0, 1.5)
quiet = {"draws": DRAWS, "seed": 1, "progress": False}


def tanks(sd: sl.priors.Prior, mean: sl.priors.Prior = mean_prior) -> sl.Model:
    """Return the lecture's model, given the priors of the sd between tanks and of their mean."""
    priors = {"Intercept": mean, "sd_tank": sd}
    return sl.Model("surv | trials(density) ~ 1 + (1 | tank)", frogs, family="binomial", priors=priors)


# %%
# First look: the share that survived, tank by tank. Of ten tadpoles it says less than of thirty-five.

model = tanks(sl.priors.Exponential(1))
picture = show(model.plot.data("tank", colour="density"), "004_tanks")

# %%
# What the prior says
# -------------------
# Left: how far apart two tanks' survival is, under Exponential(1) and two that compete with it. Right: the
# prior of one tank's deviation, a mixture of normals over the sd, whose tails are thicker than a normal's.

competing = {"HalfNormal(0.5)": sl.priors.HalfNormal(0.5), "HalfCauchy(1)": sl.priors.HalfCauchy(1)}
picture = show(model.plot.sd_prior_implied("sd_tank", competing), "004_sd_prior_implied")

# %%
# A grid of known standard deviations, and a learned one
# ------------------------------------------------------
# Each value is held fixed and scored by how well a tank is predicted that was left out, its effect unknown.
# Beside it the sd is learned. The lecture finds that the learned one overlaps the best of the grid; it takes
# one fit in place of twenty.

grid = np.linspace(0.1, 5, 4 if FAST else 20).round(2)
profile = sl.pooling.sd_profile(model, "tank", grid, prob=0.89, **quiet)
print(profile)
picture = show(profile.plot(), "004_sd_profile")

# %%
# The lecture's picture: at 0.1 all tanks are dragged to one value, at 5 each keeps to its own; the learned
# sd is between. Ten tadpoles leave a tank's survival wide open, and pull it farther than thirty-five do.

learned = profile.learned
print(learned.diagnose())
narrow, wide = (tanks(sl.priors.Fixed(sd)).fit(**quiet) for sd in (0.1, 5.0))
picture = show(narrow.plot.outcomes("tank", prob=0.89), "004_sd_too_small")
picture = show(wide.plot.outcomes("tank", prob=0.89), "004_sd_too_large")
picture = show(learned.plot.outcomes("tank", prob=0.89), "004_sd_learned")
picture = show(learned.plot.shrinkage("tank"), "004_shrinkage")
picture = show(learned.plot.effects_by_size("tank"), "004_by_size")
tadpoles = frogs["density"].to_numpy()
spread = learned.predict_summary()["sd"] / tadpoles
print(spread.groupby(tadpoles).median().rename("posterior sd of survival, by tadpoles").round(3).to_string())

# %%
# Against a fixed sd
# ------------------
# The lecture holds the learned sd against one fixed at 1. There are two questions. Of a new tank the learned
# model says clearly more. Of another tadpole in one of these tanks, where each tank's own 10 to 35 tadpoles
# speak, both say about the same.

fixed = {"sd learned": learned, "sd 1": tanks(sl.priors.Fixed(1)).fit(**quiet)}
for unit in ("tank", "trial"):
    comparison = sl.compare(fixed, unit)
    print(f"\n{comparison}")
    picture = show(comparison.plot(), f"004_compare_{unit}")

# %%
# A row of the table is a tank, and leaving one out given its own effect is a question that importance
# sampling cannot answer: most of what is known of the effect goes with the row. It says so, and what to ask.

rows = learned.plot.loo("row")
picture = show(rows, "004_pareto_k")

# %%
# Three ways of pooling
# ---------------------
# Complete pooling says one thing of all tanks, no pooling believes each. The difference that partial pooling
# makes is in the small tanks. Of 50 parameters about 38 are effective: pooling takes a quarter of the tanks'
# freedom.

pooling = sl.pooling.compare(model, **quiet)
print(pooling)
picture = show(pooling.plot(), "004_errors_by_size")

# %%
# The book (second edition, code 13.4) counts effective parameters by WAIC, a tank a row, beside tanks that
# are Normal(0, 1.5). The published figures are those of the book's NumPyro port: the learned model has two
# parameters more, and fewer effective ones.


def waic(fit: sl.Fit) -> dict[str, float]:
    """Return WAIC (Watanabe 2010) on the scale of deviance, and its effective number of parameters."""
    shares = fit.predict(kind="mean").values.reshape(-1, len(frogs)) / tadpoles
    each = binom.logpmf(frogs["surv"], tadpoles, shares)
    effective = each.var(0, ddof=1).sum()
    return {
        "waic": -2 * (logsumexp(each, 0).sum() - len(frogs) * np.log(len(each)) - effective),
        "p": effective,
    }


unpooled = tanks(sl.priors.Fixed(1.5), sl.priors.Fixed(0)).fit(**quiet)
ours = pd.DataFrame({"sd learned": waic(learned), "Normal(0, 1.5)": waic(unpooled)}).T
published = {"sd learned": {"waic": 201.0, "p": 21.3}, "Normal(0, 1.5)": {"waic": 214.1, "p": 25.3}}
print(beside(ours, published).round(1).to_string())

# %%
# Predators
# ---------
# They explain more than half of the variance between tanks. For a tank that is known hardly anything
# changes, its own tadpoles had told the same; for a new tank, everything. Prediction is not inference.

priors = {"Intercept": mean_prior, "b": sl.priors.Normal(0, 0.5), "sd_tank": sl.priors.Exponential(1)}
hunted = sl.Model("surv | trials(density) ~ 1 + pred + (1 | tank)", frogs, family="binomial", priors=priors)
explained = sl.pooling.explained(hunted, "tank", prob=0.89, **quiet)
print(explained)
picture = show(explained.plot(), "004_explained")

# %%
# Tanks with predators in their own colour, and what predators cost: about 30 tadpoles of 100, averaged over
# these tanks.

predators = explained.fits["with"]
picture = show(predators.plot.outcomes("tank", "pred", prob=0.89), "004_predators")
print(predators.contrast({"pred": ["pred", "no"]}, prob=0.89))
picture = show(predators.plot.prior_posterior(), "004_prior_posterior")
