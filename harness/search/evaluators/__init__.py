"""Evaluators answer the requests of a searcher."""
