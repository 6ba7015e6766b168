"""Other people's methods: installed packages' entry points, and single files."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from pathlib import Path

GROUP = "imbalance_benchmark.methods"


def load_installed() -> None:
    """Load the methods of installed packages that declare the entry-point group `imbalance_benchmark.methods`.

    Raises:
        ValueError: one cannot be imported.
    """
    for point in importlib.metadata.entry_points(group=GROUP):
        try:
            point.load()
        except Exception as error:
            raise ValueError(
                f"plug-in {point.name} = {point.value} cannot be loaded ({type(error).__name__}: {error}); "
                "repair or uninstall the package that declares it"
            ) from error


def load_file(path: Path) -> None:
    """Import a Python file that registers methods; once per process.

    Raises:
        ValueError: there is no such file, it cannot be imported, or it takes a name that is taken.
    """
    path = path.absolute()
    name = f"_imbalance_plugin_{path.stem}_{abs(hash(str(path)))}"
    if name in sys.modules:
        return
    if not path.is_file():
        raise ValueError(f"plug-in {path} does not exist; give --plugin the path of a Python file")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"plug-in {path} is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ValueError(f"plug-in {path} cannot be loaded ({type(error).__name__}: {error})") from error
