# The models of peers.py by lme4: Rscript peers.R CASE TABLE.csv
# Prints the estimates; the whole process, R's start included, is what peers.py measures.

suppressMessages(library(lme4))
arguments <- commandArgs(trailingOnly = TRUE)
table <- read.csv(arguments[2])
fit <- switch(arguments[1],
  small = glmer(cbind(k, n - k) ~ x + z + (1 | g), data = table, family = binomial),
  radon = lmer(log_radon ~ floor + (1 + floor | county), data = table),
  bangladesh = glmer(use_contraception ~ urban + (1 + urban | district), data = table, family = binomial)
)
print(summary(fit), correlation = FALSE)
