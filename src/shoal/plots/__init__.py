"""Pictures of models and fits; each returns the figure and the numbers drawn."""
