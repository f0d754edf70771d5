"""Whether to believe a fit and its model: draws, priors and what they imply, calibration by simulation."""
