"""Scores, intervals and the subgroup audit."""
