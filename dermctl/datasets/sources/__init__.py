"""The public data sets, one file each, and the user's own images.

`registry` has them all by name; `base` says what one is; the others are what they share:
`locate`, `csvfile`, `joins`, `images`, `values` and, last, `assemble`.
"""
