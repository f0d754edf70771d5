# A model of a table by lme4 or glmmTMB: Rscript in_r.R PACKAGE FORMULA FAMILY TABLE.csv
# The whole process is what is measured, from the start of R to the printed summary; Linux knows its memory.

given <- commandArgs(trailingOnly = TRUE)
suppressMessages(library(given[1], character.only = TRUE))
formula <- as.formula(given[2])
table <- read.csv(given[4])
fit <- if (given[1] == "glmmTMB") {
  glmmTMB(formula, data = table, family = given[3])
} else if (given[3] == "gaussian") {
  lmer(formula, data = table)
} else {
  glmer(formula, data = table, family = given[3])
}
print(summary(fit))
if (file.exists("/proc/self/status")) cat(grep("^VmHWM", readLines("/proc/self/status"), value = TRUE))
