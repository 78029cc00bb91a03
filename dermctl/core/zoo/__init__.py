"""``zoo``: encoders by name."""
