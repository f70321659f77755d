"""The sets of Network Design Spaces."""
