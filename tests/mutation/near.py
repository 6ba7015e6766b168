"""Which tests lie near which module: the first pattern that fits, the quickest tests first."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

RECIPE = ["tests/methods/test_training_loop.py", "tests/methods/test_recipe_by_hand.py"]
HOOKS = [*RECIPE, "tests/methods/test_stages_and_hooks.py", "tests/methods/test_known_mistakes.py"]
HEADS = ["tests/methods/test_current_methods.py", "tests/golden/test_current_losses.py"]
CACHE = [
    "tests/datasets/test_image_cache.py",
    "tests/datasets/test_cache_eviction.py",
    "tests/datasets/test_what_images_hide.py",
]
NEAR = {
    "datasets/imbalance.py": ["tests/datasets/test_imbalance.py"],
    "datasets/levels.py": ["tests/datasets/test_levels.py", "tests/datasets/test_imbalance.py"],
    "datasets/splits.py": ["tests/datasets/test_splits.py", "tests/datasets/test_development_and_folds.py"],
    "datasets/seeds.py": ["tests/datasets/test_dataset_seeds.py"],
    "datasets/cache.py": CACHE,
    "datasets/storage.py": CACHE,
    "datasets/decoding.py": ["tests/datasets/test_image_decoding.py", "tests/datasets/test_odd_images.py", *CACHE],
    "datasets/listing.py": ["tests/datasets/test_folder_dataset.py", "tests/datasets/test_table_dataset.py", *CACHE],
    "datasets/duplicates.py": ["tests/datasets/test_what_images_hide.py"],
    "datasets/development.py": [
        "tests/datasets/test_development_and_folds.py",
        "tests/datasets/test_what_images_hide.py",
    ],
    "datasets/sources/dagm*.py": ["tests/datasets/test_dagm_reader.py", "tests/datasets/test_dataset_contract.py"],
    "datasets/sources/drawing.py": ["tests/datasets/test_textures.py"],
    "datasets/sources/textures.py": ["tests/datasets/test_textures.py", "tests/datasets/test_dagm_reader.py"],
    "datasets/sources/folder.py": [
        "tests/datasets/test_folder_dataset.py",
        "tests/datasets/test_what_images_hide.py",
        "tests/datasets/test_cifar_reader.py",
    ],
    "datasets/sources/*.py": ["tests/datasets/test_{stem}*.py", "tests/datasets/test_dataset_contract.py"],
    "methods/training/*.py": HOOKS,
    "methods/networks/backbones.py": ["tests/methods/test_backbones.py"],
    "methods/networks/weights.py": ["tests/methods/test_backbones.py"],
    "methods/networks/frozen.py": ["tests/methods/test_one_class.py"],
    "methods/networks/*.py": [
        "tests/methods/test_network_layers.py",
        "tests/methods/test_pooled_head.py",
        *HEADS,
    ],
    "benchmarks/running/metrics.py": ["tests/benchmarks/test_cell_metrics.py"],
    "benchmarks/running/isolation.py": ["tests/benchmarks/test_cell_in_parts.py"],
    "benchmarks/running/cell.py": [
        "tests/benchmarks/test_cell*.py",
        "tests/benchmarks/test_normalisation.py",
        "tests/benchmarks/test_run_results.py",
        "tests/benchmarks/test_source_task.py",
        "tests/benchmarks/test_fairness.py",
        "tests/faults/test_failing_methods.py",
    ],
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
        files = pattern if pattern.endswith(".py") else f"{pattern}/**/test_*.py"
        paths = sorted(root.glob(files.format(stem=Path(module).stem)))
        found.update(dict.fromkeys(path.relative_to(root).as_posix() for path in paths))
    return list(found)
