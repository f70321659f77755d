"""Search spaces: architectures, networks, ground truth."""
