"""Learning: methods by name, the training loop they share, networks and losses."""

from importlib import import_module
from pkgutil import iter_modules

from methods.base import Method, NetworkMethod
from methods.registry import (
    FAMILIES,
    UnknownMethodError,
    aliases,
    available,
    canonical,
    create,
    expand,
    get,
    prefixed,
    register,
    register_prefix,
)
from methods.training.context import Context
from methods.training.data import Batch, Images, TrainSet
from methods.training.stages import Stage

# Every module of a family registers its methods.
for _family in FAMILIES:
    _package = import_module(f"methods.{_family.replace('-', '_')}")
    for _module in iter_modules(getattr(_package, "__path__", [])):
        import_module(f"{_package.__name__}.{_module.name}")

__all__ = [
    "FAMILIES",
    "Batch",
    "Context",
    "Images",
    "Method",
    "NetworkMethod",
    "Stage",
    "TrainSet",
    "UnknownMethodError",
    "aliases",
    "available",
    "canonical",
    "create",
    "expand",
    "get",
    "prefixed",
    "register",
    "register_prefix",
]
