"""Placeholder until the branch with NUTS is merged."""


def sample(target, coordinates, fit, elements, settings, progress):
    """Not there yet."""
    raise NotImplementedError
