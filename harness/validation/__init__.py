"""One new indicator in one file: measured, compared with every stored baseline, and evaluation."""
