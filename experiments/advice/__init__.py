"""Image sets that are no part of the benchmark, to rehearse the advice on; the outcome is in experiments/advice.md."""
