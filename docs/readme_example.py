"""The README's example and its picture: python docs/readme_example.py [docs/pooling.png]."""

import sys

import shoal as sl

women = sl.load_dataset("bangladesh")
model = sl.Model("use_contraception ~ 1 + (1 | district)", women, family="bernoulli")
fit = model.fit(seed=1)
print(fit.summary().round(2).to_string())
print(fit.diagnose())
print(fit.effects("district")[["district", "n", "no_pooling", "mean", "sd", "shrinkage"]].head(4).round(2))
print(fit.variance_partition().round(2).to_string())
picture = fit.plot.shrinkage("district")
if len(sys.argv) > 1:
    picture.save(sys.argv[1])
