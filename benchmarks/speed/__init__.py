"""How fast the suite is, as ratios that hold on any machine: `python -m benchmarks.speed`."""
