"""Samplers. They see a log density of (theta, z) and its data, never a model."""
