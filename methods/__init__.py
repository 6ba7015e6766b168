"""Learning: methods by name, the training loop they share, networks and losses.

What is public is imported when it is first used, and with it every module of a family, so that its methods register
themselves: whoever only reads settings (`methods.training.settings`) does without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from methods.base import Method, NetworkMethod
    from methods.families import FAMILIES
    from methods.registry import (
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

_FROM = {
    "FAMILIES": "methods.families",
    **dict.fromkeys(("Method", "NetworkMethod"), "methods.base"),
    "Context": "methods.training.context",
    **dict.fromkeys(("Batch", "Images", "TrainSet"), "methods.training.data"),
    "Stage": "methods.training.stages",
}
"""Where names come from that do not come from the registry."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import_module("methods.registry").load_families()
    globals()[name] = value = getattr(import_module(_FROM.get(name, "methods.registry")), name)
    return value
