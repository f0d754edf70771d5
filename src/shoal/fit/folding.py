"""Signs of latents: a latent and its loadings may change sign together without changing anything else."""

from __future__ import annotations

from shoal.model.assemble import Assembled, Variables


def folded(assembled: Assembled, variables: Variables) -> Variables:
    """Return draws as every term reports them: those of a latent with its first loading at or above zero."""
    draws = {name: values for name, (_, values) in variables.items()}
    for placed in assembled.placed:
        own = [variable.name for variable in placed.term.variables() if variable.name in draws]
        draws |= placed.term.reported({name: draws[name] for name in own})
    return {name: (dims, draws[name]) for name, (dims, _) in variables.items()}
