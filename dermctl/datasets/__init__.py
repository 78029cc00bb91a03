"""What data is: sources, images, checks, groups, splits, manifests and the store."""
