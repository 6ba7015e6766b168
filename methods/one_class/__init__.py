"""One-class learning: know the majority, and call minority what is unlike it; no minority image is needed."""
