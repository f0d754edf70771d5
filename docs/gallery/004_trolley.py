"""
Trolley problems: stories and participants
==========================================

331 people judged how permissible an act is, from 1 to 7, in 30 versions of 12 stories (Cushman, Young and
Hauser 2006; lecture 12 of Statistical Rethinking 2023). Judgements of one story are alike, and so are those
of one person. One value for all underfits, one for each story and person overfits; the lecture draws the
three ways to pool. The model with both factors is the one that its lectures put off, because it is hard to
sample: non-centered, nutpie gives 121 effective draws of 4,000 for the worst cutpoint.
"""

import pandas as pd
from _gallery import DRAWS, FAST, show

import shoal as sl

trolley = sl.load_dataset("trolley")
if FAST:
    trolley = trolley[trolley["id"].isin(trolley["id"].unique()[:25])]
print(
    f"{len(trolley):,} judgements of {trolley['story'].nunique()} stories by {trolley['id'].nunique()} people"
)
print(trolley["story"].value_counts(sort=False).to_frame().T.to_string())

# %%
# Both sides of the data
# ----------------------
# The story matters, and so does the person: some find everything permissible, some nothing. Many judgements
# of each story, and thirty of each person, are what a multilevel model lives on.

act = "action + intention + contact"
priors = {"b": sl.priors.Normal(0, 0.5), "sd": sl.priors.Exponential(1)}
model = sl.Model(f"response ~ {act} + (1 | story) + (1 | id)", trolley, family="cumulative", priors=priors)
picture = show(model.plot.data("story"), "004_stories")
picture = show(model.plot.data("id"), "004_people")

# %%
# Three ways to pool the stories
# ------------------------------
# Stories alone first, as the lecture has them. Equal rows may be counted, and the counts given as weights:
# 84 rows say what 9,930 do. ``with_pooling`` makes the variants; the plot fits those that it is not given.

counts = trolley.groupby(["story", "response"], as_index=False).size()
stories = sl.Model(
    "response | weights(size) ~ 1 + (1 | story)", counts, family="cumulative", priors={"sd": priors["sd"]}
)
fits = {"partial": stories.fit(draws=DRAWS, seed=1)}
fits |= {how: stories.with_pooling(how).fit(draws=DRAWS, seed=1) for how in ("complete", "none")}
picture = show(sl.plots.pooling(fits, "story"), "004_pooling")

# %%
# The latent scale has no zero of its own: without pooling, stories and cutpoints may all move together
# within their wide priors, so the picture shows coefficients less their mean. On the scale of the mean
# answer it is the same: stories of hundreds of judgements are hardly pulled at all. Partial pooling is not
# shrinkage at any price. What it adds is the spread of stories, and with it what to expect of a story nobody
# has judged.


def mean_answer(fit: sl.Fit) -> pd.Series:
    """Return the posterior mean of the mean answer to each story."""
    chances = fit.predict_summary(pd.DataFrame({"story": each.index}))["mean"].unstack("category")
    return pd.Series(chances.to_numpy() @ chances.columns.astype(int), index=each.index)


each = trolley.groupby("story")["response"].mean()
answers = pd.DataFrame({"raw": each} | {how: mean_answer(fit) for how, fit in fits.items()})
print(answers.round(2).T.to_string())
print(fits["partial"].summary(["sd_story"]).round(2).to_string())

# %%
# People and stories together
# ---------------------------
# What was put off: two crossed factors and what the act involves. All effects are sampled in coordinates
# that follow their own mode and curvature, so nothing is recoded.

print(model.plan)
fit = model.fit(draws=DRAWS, seed=1)
print(fit.diagnose())
print(fit.summary(prob=0.89).round(2).to_string())

# %%
# Where the differences lie: people differ three times as much as stories. The rest is a judgement's own.

print(fit.variance_partition().round(2).to_string())

# %%
# The stories in order, and how sure the order is. What the story involves is taken out, so that this order
# is not that of the raw means above.

picture = show(fit.plot.caterpillar("story"), "004_caterpillar")
print(fit.ranks("story", top=(1, 3)).round(2).to_string())

# %%
# The participants, from those who permit everything to those who permit nothing. Thirty judgements place a
# person well among 331, which is what makes judgements of one person so alike.

picture = show(fit.plot.caterpillar("id"), "004_people_pooled")

# %%
# What the act does, on the outcome's scale
# -----------------------------------------
# Coefficients are log odds on a latent scale. Averaged over all judgements, with contact and without: how
# much more often each answer is given, and what that makes of the mean answer.

contact = fit.contrast({"contact": [1, 0]}, scale="probability", draws=100)
print(contact.table.round(3).to_string())
tables = [fit.contrast({name: [1, 0]}, draws=100).table for name in ("action", "intention", "contact")]
print(pd.concat(tables).round(2).to_string())

# %%
# A person who has not been asked, about a new story: the whole spread of the population goes in.

stranger = fit.contrast({"contact": [1, 0]}, at="population", draws=100)
print(stranger)
