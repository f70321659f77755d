"""Studies: models, files, plans."""
