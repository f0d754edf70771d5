"""From a model to its results: sampled, checked, refitted, kept in files, read in blocks of rows."""
