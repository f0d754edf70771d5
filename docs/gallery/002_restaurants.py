"""
Restaurants: from sentences to a ranking
========================================

The homework that goes with `notes on eight schools <http://am207.info/wiki/gelmanschoolstheory.html>`_:
each review of a restaurant has sentences on its food and on its service, each sentence a sentiment. Reviews
take the part of the schools. Their means and standard errors have to be computed, some have a single
sentence and no standard error at all, and in the end the restaurants are to be ranked, with all the
caveats.

The homework's data are not public; these are simulated, so that the truth is known.
"""

import pandas as pd
from _gallery import DRAWS, show

import shoal as sl

sentences = sl.simulate.restaurants()
print(sentences.head().to_string(index=False))

# %%
# Means and standard errors
# -------------------------
# ``group_means`` gives each review's mean, count and standard error, an aspect a row. A review with one
# sentence on an aspect has no standard deviation, hence no standard error: a warning counts them, and a model
# would refuse them.

by = ["restaurant", "review", "aspect"]
print(sl.group_means(sentences, "sentiment", by).head(8).round(2).to_string(index=False))

# %%
# To drop those reviews would drop a third of the data, and the standard errors of two sentences are not worth
# much more. If sentences scatter alike in all reviews, one standard deviation serves all, and every review
# stays.

reviews = sl.group_means(sentences, "sentiment", by, pooled=True)
print(reviews.head(8).round(2).to_string(index=False))
print(f"{(reviews['n'] == 1).sum()} of {len(reviews)} means are of one sentence.")

# %%
# One restaurant
# --------------
# First the homework's own plot: the reviews of one restaurant, each aspect by itself. The fewer the
# sentences, the larger the standard error and the longer the way from the observed mean to the pooled one.

most = reviews["restaurant"].value_counts().index[0]
one = {aspect: rows[rows["restaurant"] == most] for aspect, rows in reviews.groupby("aspect")}
alone = {
    aspect: sl.Model("mean | se(se_pooled) ~ 1 + (1 | review)", rows).fit(DRAWS, seed=1)
    for aspect, rows in one.items()
}
food = show(alone["food"].plot.shrinkage(), "reviews_food")
service = show(alone["service"].plot.shrinkage(), "reviews_service")

# %%
# All restaurants
# ---------------
# Restaurants differ, and so do the reviews of one restaurant. Both standard deviations are learned; that of
# the sentences is already in the standard errors. (The truth: 0.30 and 0.25, around a mean of 0.20.)

fits = {}
for aspect, rows in reviews.groupby("aspect"):
    model = sl.Model("mean | se(se_pooled) ~ 1 + (1 | restaurant) + (1 | restaurant:review)", rows)
    fits[aspect] = model.fit(DRAWS, seed=1)
    print(
        aspect, fits[aspect].summary()[["mean", "sd", "eti90_lb", "eti90_ub", "ess_bulk"]].round(2), sep="\n"
    )
    print(fits[aspect].diagnose())

# %%
# The ranking
# -----------
# By plain means a restaurant with one enthusiastic review comes first. Partial pooling asks for more
# evidence. Ranks are uncertain: each has an interval, and a probability of being among the best.

ranks = fits["food"].ranks("restaurant", top=(1, 5))
raw = sentences[sentences["aspect"] == "food"].groupby("restaurant")["sentiment"].agg(["mean", "size"])
truth = pd.Series(sentences.attrs["truth"]["food"], name="truth")
table = ranks.set_index("restaurant")[["mean", "rank_eti90_lb", "rank_eti90_ub", "p_best", "p_top_5"]]
table = raw.rename(columns={"mean": "raw mean", "size": "sentences"}).join(table).join(truth)
table.insert(0, "raw rank", table["raw mean"].rank(ascending=False).astype(int))
print(table.sort_values("raw rank").head(8).round(2).to_string())
picture = show(fits["food"].plot.caterpillar("restaurant"), "caterpillar_food")
service = show(fits["service"].plot.caterpillar("restaurant"), "caterpillar_service")

# %%
# The estimates against those of each restaurant alone, and what pooling gains: the root mean square error of
# the raw means and of the pooled ones. Is the best restaurant better than the second?

picture = show(fits["food"].plot.shrinkage("restaurant"), "restaurants_food")
errors = table[["raw mean", "mean"]].sub(table["truth"], axis=0)
print((errors**2).mean().pow(0.5).round(3).to_string())
print(fits["food"].contrast(group="restaurant", levels=list(ranks["restaurant"][:3])))

# %%
# Food and service together
# -------------------------
# A restaurant with good food tends to have good service. One model of both aspects learns how much they go
# together, and lets what is known of one say something about the other. (The truth: 0.5.)

terms = "(0 + aspect | restaurant) + (0 + aspect | restaurant:review)"
both = sl.Model(f"mean | se(se_pooled) ~ 0 + aspect + {terms}", reviews).fit(DRAWS, seed=1)
correlation = both.summary().loc["cor_restaurant[aspect[service], aspect[food]]"]
print(correlation[["mean", "sd", "eti90_lb", "eti90_ub"]].round(2).to_string())
print(both.ranks("restaurant", "aspect[service]", top=(1, 5)).head().round(2).to_string())
