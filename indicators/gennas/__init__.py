"""GenNAS: regression of synthetic signals, on images and on sequences."""
