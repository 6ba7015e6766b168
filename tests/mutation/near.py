"""Which tests lie near which module: the first pattern that fits, the quickest tests first."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

NEAR = {
    "datasets/imbalance.py": ["tests/datasets/test_imbalance.py"],
    "datasets/splits.py": ["tests/datasets/test_splits.py"],
    "datasets/seeds.py": ["tests/datasets/test_dataset_seeds.py"],
    "datasets/*.py": ["tests/datasets"],
    "methods/training/*.py": ["tests/methods/test_training*.py", "tests/methods/test_known_mistakes.py"],
    "methods/networks/*.py": ["tests/methods/test_network*.py", "tests/methods/test_backbones.py"],
    "benchmarks/running/metrics.py": ["tests/benchmarks/test_cell_metrics.py"],
    "benchmarks/running/cell.py": ["tests/benchmarks/test_cell*.py", "tests/benchmarks/test_run_results.py"],
}


def modules(root: Path) -> list[str]:
    """Return the modules that are mutated, as paths from the root."""
    every = [path.relative_to(root).as_posix() for path in sorted(root.glob("*/**/*.py"))]
    return [name for name in every if any(fnmatch(name, pattern) for pattern in NEAR)]


def tests(root: Path, module: str) -> list[str]:
    """Return the test files near a module, as paths from the root."""
    patterns = next(patterns for pattern, patterns in NEAR.items() if fnmatch(module, pattern))
    found: dict[str, None] = {}
    for pattern in patterns:
        paths = sorted(root.glob(pattern if pattern.endswith(".py") else f"{pattern}/**/test_*.py"))
        found.update(dict.fromkeys(path.relative_to(root).as_posix() for path in paths))
    return list(found)
