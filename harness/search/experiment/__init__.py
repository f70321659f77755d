"""Search studies: models, set-up, runs, reports."""
