"""Scores, intervals and the subgroup audit; free of torch, so that worker processes start fast."""
