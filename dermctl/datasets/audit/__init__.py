"""What prepared datasets hold that should not be: leaks, duplicates, labels that conflict.

`gathered` reads the images of one or several datasets, `similar` finds the pairs that show the
same skin, `ties` and `between` turn both into findings.
"""
