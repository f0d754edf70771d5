"""How well models predict what they have not seen: left out, in folds, and compared."""
