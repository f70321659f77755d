"""GenNAS: networks judged by how fast they learn to regress synthetic maps."""
