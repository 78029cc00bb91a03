"""The parts of NT-Xent: tiles of similarities, sums over them, and their gradients."""
