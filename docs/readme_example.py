"""The README's example and its picture: python docs/readme_example.py [docs/pooling.png]."""

import sys

import shoal as sl

women = sl.load_dataset("bangladesh")
model = sl.Model("use_contraception ~ 1 + (1 | district)", women, family="bernoulli")
fit = model.fit(seed=1)
print(fit.summary().round(2).to_string())
print(fit.diagnose())
districts = fit.effects("district")
print(districts[["district", "n", "no_pooling", "mean", "sd", "shrinkage"]].head(4).round(2).to_string())
print(fit.variance_partition().round(2).to_string())


def draw(path: str) -> None:
    """Draw each district's estimate alone and pooled, by its number of women."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    population = float(fit.tree["posterior"]["Intercept"].mean())
    edge = districts["at_edge"]
    axes.axhline(population, color="0.7", lw=1)
    axes.vlines(districts["n"], districts["no_pooling"], districts["mean"], color="0.75", lw=1)
    axes.plot(districts["n"], districts["no_pooling"], "o", mfc="white", mec="C1", label="district alone")
    lone = districts[edge]
    axes.plot(lone["n"], lone["no_pooling"], "x", color="C1", label="alone, all or none")
    axes.plot(districts["n"], districts["mean"], "o", color="C0", ms=5, label="pooled")
    axes.set_xscale("log")
    axes.set_xticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    axes.set_xlabel("women in the district (log scale)")
    axes.set_ylabel("log odds of using contraception")
    title = "60 districts of Bangladesh, 1989: the fewer the women, the further the pull to the population"
    axes.set_title(title, fontsize=11)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=110)


if len(sys.argv) > 1:
    draw(sys.argv[1])
