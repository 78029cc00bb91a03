"""The checkpoints of a run, by name."""

BEST, LAST = "best", "last"
PREVIOUS = "previous"
"""The one before the last, kept until the run has come to its end: a last one may be cut short."""
FEATURE_STD = "probe/feature_std"
"""The deviation of an epoch's embeddings, which is a number wherever the weights are."""
