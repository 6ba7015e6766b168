"""Learning: methods by name, the training loop they share, networks and losses."""

from methods import baseline, cost_sensitive, decoupling, ensemble, feature_space, proposed, resampling
from methods.base import Method, NetworkMethod
from methods.context import Context
from methods.data import Batch, Images, TrainSet
from methods.registry import (
    FAMILIES,
    UnknownMethodError,
    available,
    create,
    expand,
    get,
    prefixed,
    register,
    register_prefix,
)
from methods.stages import Stage

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
    "available",
    "baseline",
    "cost_sensitive",
    "create",
    "decoupling",
    "ensemble",
    "expand",
    "feature_space",
    "get",
    "prefixed",
    "proposed",
    "register",
    "register_prefix",
    "resampling",
]
