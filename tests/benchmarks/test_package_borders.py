"""Who may import whom, and that `datasets` is ours."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("datasets", "methods", "benchmarks", "experiments")
MAY = {"datasets": {"datasets"}, "methods": {"methods", "datasets"}}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("package", MAY)
def test_dependencies_point_one_way(package) -> None:
    ours = {"datasets", "methods", "benchmarks"}
    for path in (ROOT / package).rglob("*.py"):
        found = {name.partition(".")[0] for name in imported(path)} & ours
        assert found <= MAY[package], f"{path} imports {found - MAY[package]}"


def third_party() -> list[str]:
    names = {
        name.partition(".")[0]
        for p in ("datasets", "methods", "benchmarks")
        for f in (ROOT / p).rglob("*.py")
        for name in imported(f)
    }
    return sorted(names - set(sys.stdlib_module_names) - {"datasets", "methods", "benchmarks"})


@pytest.mark.slow
def test_no_package_needs_another_datasets() -> None:
    """Ours stands before Hugging Face's on the path; every package that we import must do without that one."""
    optional = {"tensorboard", "mlflow", "medmnist", "dask_jobqueue", "playwright"}
    assert {"torch", "timm", "pytorch_grad_cam", "imblearn", "pandas", "plotly"} <= set(third_party())
    code = "\n".join(
        [
            "import importlib, sys, warnings",
            "warnings.simplefilter('ignore')",
            "import datasets",
            "ours = datasets.__file__",
            f"for name in {third_party()!r}:",
            "    try:",
            "        importlib.import_module(name)",
            "    except ModuleNotFoundError as error:",
            f"        if error.name != name or name not in {optional!r}: raise",
            "import datasets",
            "assert datasets.__file__ == ours, datasets.__file__",
            "print(ours)",
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip().splitlines()[-1]) == ROOT / "datasets" / "__init__.py"


def modules() -> dict[str, Path]:
    """Return the files of the packages by the names of their modules."""
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]
    return {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in paths}


def imported_modules(path: Path, known: set[str]) -> set[str]:
    """Return the modules of the packages that a file imports anywhere, for type checking too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (names & known) or {node.module}
    return found & known


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """Modules by the module that imports them."""
    files = modules()
    return {name: imported_modules(path, set(files)) - {name} for name, path in files.items()}


def no_circle(graph: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import circle: {' <- '.join(error.args[1])}")


def test_no_import_circle(imports) -> None:
    no_circle(imports | {package: set() for package in PACKAGES})  # a package's own names come from all its modules


def test_no_circle_of_folders(imports) -> None:
    """A folder is one job: what two folders would need of each other belongs to one of them, or to a third."""
    files = modules()
    graph: dict[str, set[str]] = {}
    for name, others in imports.items():
        parents = {files[other].parent for other in others} - {files[name].parent}
        graph.setdefault(str(files[name].parent), set()).update(map(str, parents))
    assert len(graph) > 30
    no_circle(graph)
