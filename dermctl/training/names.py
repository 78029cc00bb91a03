"""Names of logged values that more than one part knows."""

FEATURE_STD = "probe/feature_std"
"""The deviation of an epoch's embeddings, which is a number wherever the weights are."""
