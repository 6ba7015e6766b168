"""The grid: plan cells, run them, store records, report."""
