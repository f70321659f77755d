"""The base of every search space: architectures, networks, supernets, initialisation."""
