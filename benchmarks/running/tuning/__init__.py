"""Tuning: the same trials for every method, judged on folds inside the training subset."""
