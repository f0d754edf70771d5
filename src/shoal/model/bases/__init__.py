"""Bases of curves: what is learnt of a predictor once, and columns at any values of it."""
