"""The public data sets, one file each."""
