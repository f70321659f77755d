"""What indicators look at: each quantity of a network in one file, computed once a measurement."""
