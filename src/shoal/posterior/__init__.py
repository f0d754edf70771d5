"""The posterior of a model: density, coordinates, plan."""
