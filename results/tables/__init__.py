"""Tables of correlations and agreements, and published values."""
