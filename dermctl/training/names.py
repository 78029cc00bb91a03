"""The checkpoints of a run, by name."""

BEST, LAST = "best", "last"
