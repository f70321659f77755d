"""Searching regression tasks of GenNAS by the accuracies of a few labelled networks."""
