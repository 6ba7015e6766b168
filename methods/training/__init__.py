"""How every network is trained: data, batches, stages, the loop, and what a method is given besides."""
