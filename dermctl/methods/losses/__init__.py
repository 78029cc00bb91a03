"""Losses: NT-Xent in memory linear in the batch, other losses of the field, and their names."""
