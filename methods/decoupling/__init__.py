"""Features first, then a classifier of its own."""
