"""From stored scores to tables."""
