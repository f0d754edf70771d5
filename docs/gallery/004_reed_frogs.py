"""
Reed frogs: a standard deviation by cross-validation, or learned
================================================================

48 tanks of tadpoles, of which so many survived (Vonesh and Bolker 2005): the case study of lecture 12 of
Statistical Rethinking 2023, in its PyMC port. How different are tanks? A standard deviation that is too
small hides what is there, one too large believes every tank. The lecture first finds it by refitting over a
grid and cross-validation, then learns it in one fit, and then lets predators explain half of it away.
"""

import arviz_stats
import numpy as np
import pandas as pd
import xarray as xr
from _gallery import DRAWS, FAST, beside, show
from matplotlib.figure import Figure
from scipy.special import expit, logsumexp
from scipy.stats import binom, norm

import shoal as sl

frogs = sl.load_dataset("reedfrogs")
frogs["tank"] = np.arange(1, len(frogs) + 1)
survived, tadpoles = frogs["surv"].values, frogs["density"].values
mean_prior = sl.priors.Normal(0, 1.5)


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
# Twenty known standard deviations
# --------------------------------
# ``Fixed`` makes a known number of a parameter. Shapes stay as they are, so that only the first fit
# compiles.

grid = np.linspace(0.1, 5, 4 if FAST else 20).round(2)
known = {sd: tanks(sl.priors.Fixed(sd)).fit(draws=DRAWS, seed=1, progress=False) for sd in grid}
learned = model.fit(draws=DRAWS, seed=1)
print(learned.diagnose())


# %%
# The lecture's picture: at 0.1 all tanks are dragged to one value, at 5 each keeps to its own; the learned
# sd is between. Ten tadpoles leave a tank's survival wide open, and pull it farther than thirty-five do.


def survival(fit: sl.Fit, words: str) -> sl.plots.Picture:
    """Draw what the raw data and a fit say of each tank."""
    numbers = fit.predict_summary(prob=0.89)[["mean", "eti89_lb", "eti89_ub"]].div(tadpoles, axis=0)
    colours = np.where(frogs["pred"] == "pred", "#D55E00", "#0072B2")
    figure = Figure(figsize=(8, 3.5), layout="constrained")
    axes = figure.subplots()
    axes.vlines(frogs["tank"], numbers["eti89_lb"], numbers["eti89_ub"], colours, alpha=0.5, linewidth=3)
    axes.scatter(frogs["tank"], numbers["mean"], 25, colours)
    axes.scatter(frogs["tank"], survived / tadpoles, 10, "black", zorder=3)
    axes.axhline((survived / tadpoles).mean(), color="0.6", linestyle="--", linewidth=1)
    axes.set(xlabel="tank (16 of 10 tadpoles, of 25, of 35)", ylabel="survival", ylim=(0, 1.03), title=words)
    caption = (
        f"Each tank's own share of survivors (black), and posterior mean and 89% interval, {words}. "
        "Red tanks had predators; the dashed line is the mean of all tanks."
    )
    return sl.plots.Picture(figure, numbers.assign(tank=frogs["tank"]), caption)


picture = show(survival(known[grid[0]], "sd 0.1"), "004_sd_too_small")
picture = show(survival(known[grid[-1]], "sd 5"), "004_sd_too_large")
picture = show(survival(learned, "sd learned"), "004_sd_learned")
picture = show(learned.plot.shrinkage("tank"), "004_shrinkage")
picture = show(learned.plot.effects_by_size("tank"), "004_by_size")
spread = learned.predict_summary()["sd"] / tadpoles
print(spread.groupby(tadpoles).median().rename("posterior sd of survival, by tadpoles").round(3).to_string())

# %%
# How well does each predict a tank it has not seen? A tank is one row, so that a row left out takes its
# tank's effect with it. The effect is integrated out over a grid of log odds (Merkle, Furr and Rabe-Hesketh
# 2019, Psychometrika 84, 802-829); leaving out is by importance sampling (Vehtari, Gelman and Gabry 2017).

logits = np.linspace(-30, 30, 1201)
likelihood = binom.pmf(survived, tadpoles, expit(logits)[:, None])  # (logits, tanks)


def new_tanks(fit: sl.Fit) -> dict[str, float]:
    """Return -2 times the log density of tanks left out, its standard error, and the worst Pareto k."""
    posterior = fit.tree["posterior"].to_dataset()
    weights = norm.pdf(logits, posterior["Intercept"].values[..., None], posterior["sd_tank"].values)
    pointwise = xr.Dataset(
        {"surv": (("chain", "draw", "row"), np.log(weights @ likelihood * np.diff(logits)[0]))}
    )
    tree = xr.DataTree.from_dict({"posterior": posterior, "log_likelihood": pointwise})
    loo = arviz_stats.loo(tree, pointwise=True)
    return {"deviance": -2 * loo.elpd, "se": 2 * loo.se, "worst_k": float(loo.pareto_k.max())}


scores = pd.DataFrame({sd: new_tanks(fit) for sd, fit in known.items()}).T.rename_axis("sd")
print(scores.round(2).to_string())

# %%
# The lecture finds that the learned sd overlaps the best of the grid; with one fit in place of twenty.

between = learned.summary(["sd_tank"], prob=0.89).iloc[0]
print(f"Best of the grid: {scores['deviance'].idxmin()}, deviance {scores['deviance'].min():.1f}.")
print(
    f"Learned: {between['mean']:.2f}, 89% from {between['eti89_lb']:.2f} to {between['eti89_ub']:.2f}; ",
    end="",
)
print("deviance {deviance:.1f}".format(**new_tanks(learned)))

# %%
# Fewer effective parameters
# --------------------------
# The lecture compares with an sd of 1, the book (second edition, code 13.4) with tanks that are Normal(0,
# 1.5), by WAIC: of new tadpoles in *these* tanks, another question than above. The published figures are
# those of the book's NumPyro port. The learned model has one parameter more than the others, and fewer
# effective ones.


def waic(fit: sl.Fit) -> dict[str, float]:
    """Return WAIC (Watanabe 2010) on the scale of deviance, and its effective number of parameters."""
    shares = fit.predict(kind="mean").values.reshape(-1, len(frogs)) / tadpoles
    each = binom.logpmf(survived, tadpoles, shares)
    effective = each.var(0, ddof=1).sum()
    return {
        "waic": -2 * (logsumexp(each, 0).sum() - len(frogs) * np.log(len(each)) - effective),
        "p": effective,
    }


fixed = tanks(sl.priors.Fixed(1.5), sl.priors.Fixed(0)).fit(draws=DRAWS, seed=1)
narrow = tanks(sl.priors.Fixed(1)).fit(draws=DRAWS, seed=1)
ours = pd.DataFrame({"sd learned": waic(learned), "Normal(0, 1.5)": waic(fixed), "sd 1": waic(narrow)}).T
published = {"sd learned": {"waic": 201.0, "p": 21.3}, "Normal(0, 1.5)": {"waic": 214.1, "p": 25.3}}
print(beside(ours, published | {"sd 1": {"waic": np.nan, "p": np.nan}}).round(1).to_string())

# %%
# Predators
# ---------
# They cost about 30 tadpoles of 100, averaged over these tanks.

priors = {"Intercept": mean_prior, "b": sl.priors.Normal(0, 0.5), "sd_tank": sl.priors.Exponential(1)}
hunted = sl.Model("surv | trials(density) ~ 1 + pred + (1 | tank)", frogs, family="binomial", priors=priors)
predators = hunted.fit(draws=DRAWS, seed=1)
print(predators.summary(prob=0.89).round(2).to_string())
print(predators.contrast({"pred": ["pred", "no"]}, prob=0.89))
picture = show(survival(predators, "with predators in the model"), "004_predators")

# %%
# They explain nearly half of the sd between tanks away, and the predictions for these tanks hardly change:
# the tanks' own effects had told the same. Prediction is not inference.

with_them, without = (fit.predict_summary()["mean"] / tadpoles for fit in (predators, learned))
sds = [float(fit.tree["posterior"]["sd_tank"].mean()) for fit in (learned, predators)]
print(f"sd between tanks: {sds[0]:.2f} without predators in the model, {sds[1]:.2f} with them")
print(f"Survival of a tank: changes by {np.abs(with_them - without).max():.2f} at most, ", end="")
print(f"correlation {np.corrcoef(with_them, without)[0, 1]:.3f}")
picture = show(predators.plot.prior_posterior(), "004_prior_posterior")
